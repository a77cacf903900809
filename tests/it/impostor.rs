//! Impostors: whoever is not who he says, and whatever is not what it should be, is refused with its reason
//! and changes nothing. One test for each claim, against running gateways.

mod bytes;
mod clinging;
mod desk;
mod door;
mod liar;
mod signer;
