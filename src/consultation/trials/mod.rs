//! Trials: random histories of three parties with delays, reordering and senders that ignore their own refusals,
//! played through casebooks and compared: desk with desk, live with rebuilt, product with reference model.

mod convergence;
mod course;
mod differential;
mod moves;
mod rounds;
mod safety;
mod surroundings;
mod world;
