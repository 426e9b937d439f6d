//! The pure module `workflow`, through its public surface.

mod expressions;
mod generate;
mod properties;
mod reading;
