//! `--limit-*`: how much a file may ask for. One value goes from here to everything that reads files.

use crate::values;
use wavern_bitstream::Limits;

/// Bounds on what is read; sizes take k, M and G.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Limits on what a file may ask for")]
#[group(skip)]
pub(crate) struct Args {
    /// Pixels of a picture [default: 268435456]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_pixels: Option<u64>,

    /// Pixels along each side of a picture [default: 1048576]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_side: Option<u64>,

    /// Samples of a sound over all channels [default: 1099511627776]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_samples: Option<u64>,

    /// Bytes of metadata [default: 16777216]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_metadata: Option<u64>,

    /// Pixels or samples per byte of the file [default: 65536]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_work: Option<u64>,

    /// Bytes of memory allocated for what a file declares [default: 1073741824]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    limit_memory: Option<u64>,
}

impl Args {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (bound, given) in [
            (&mut limits.pixels, self.limit_pixels),
            (&mut limits.samples, self.limit_samples),
            (&mut limits.metadata_bytes, self.limit_metadata),
            (&mut limits.work_per_byte, self.limit_work),
            (&mut limits.memory_bytes, self.limit_memory),
        ] {
            *bound = given.unwrap_or(*bound);
        }
        let side = self.limit_side.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        limits.side = side.unwrap_or(limits.side);
        limits
    }
}

/// The option that raises the bound on this quantity, as `Error::Limit` names it.
pub(crate) fn option(what: &str) -> Option<&'static str> {
    let options = [
        ("image pixels", "--limit-pixels"),
        ("image width", "--limit-side"),
        ("image height", "--limit-side"),
        ("samples", "--limit-samples"),
        ("metadata bytes", "--limit-metadata"),
        ("pixels or samples", "--limit-work"),
        ("bytes of memory", "--limit-memory"),
    ];
    options.into_iter().find(|(start, _)| what.starts_with(start)).map(|(_, option)| option)
}
