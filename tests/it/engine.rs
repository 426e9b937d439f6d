//! The engine through its public surface, over a real store.

mod faults;
mod gate;
mod kinds;
mod restart;
mod simulate;
mod timers;
mod world;
