//! The prior: from ẑ and what is already decoded of ŷ to one Gaussian mixture per symbol, in exact integers.

pub mod units;
