//! Trials: random histories of three parties with delays, reordering and senders that ignore their own refusals, hide
//! what they know, or give one number to two acts, played through casebooks and compared: desk with desk, live with
//! rebuilt, product with reference model.

mod convergence;
mod course;
mod differential;
mod equivocation;
mod moves;
mod rounds;
mod safety;
mod surroundings;
mod world;
