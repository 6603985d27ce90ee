pub(crate) use super::avx512::*;
