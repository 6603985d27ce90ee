//! The names and directions of what is measured.

use crate::Row;

/// What is measured. Each metric is a column of [`Row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// [`Row::psnr`].
    Psnr,
    /// [`Row::psnr_y`].
    PsnrY,
    /// [`Row::ms_ssim`].
    MsSsim,
    /// [`Row::ssimulacra2`].
    Ssimulacra2,
    /// [`Row::butteraugli`].
    Butteraugli,
    /// [`Row::si_sdr`].
    SiSdr,
    /// [`Row::lsd`].
    Lsd,
    /// [`Row::mel`].
    Mel,
    /// [`Row::visqol`].
    Visqol,
    /// [`Row::zimtohrli`].
    Zimtohrli,
}

impl Metric {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 10] = [
        Self::Psnr,
        Self::PsnrY,
        Self::MsSsim,
        Self::Ssimulacra2,
        Self::Butteraugli,
        Self::SiSdr,
        Self::Lsd,
        Self::Mel,
        Self::Visqol,
        Self::Zimtohrli,
    ];

    /// As in the head of a table or over a chart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::PsnrY => "PSNR-Y",
            Self::MsSsim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Butteraugli => "Butteraugli",
            Self::SiSdr => "SI-SDR",
            Self::Lsd => "LSD",
            Self::Mel => "Mel",
            Self::Visqol => "ViSQOL",
            Self::Zimtohrli => "Zimtohrli",
        }
    }

    /// What one reads on the axis of a chart, with the unit.
    pub const fn axis(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR over R, G, B (dB)",
            Self::PsnrY => "PSNR of luma (dB)",
            Self::MsSsim => "MS-SSIM (dB: -10 log10(1 - x))",
            Self::Ssimulacra2 => "SSIMULACRA2 (100 is the original)",
            Self::Butteraugli => "Butteraugli, 3-norm (lower is better)",
            Self::SiSdr => "SI-SDR (dB)",
            Self::Lsd => "log-spectral distance (dB, lower is better)",
            Self::Mel => "mel distance (lower is better)",
            Self::Visqol => "ViSQOL (MOS-LQO, 1 to 5)",
            Self::Zimtohrli => "Zimtohrli (MOS, 1 to 5)",
        }
    }

    /// Its cell of a row.
    pub const fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Psnr => row.psnr,
            Self::PsnrY => row.psnr_y,
            Self::MsSsim => row.ms_ssim,
            Self::Ssimulacra2 => row.ssimulacra2,
            Self::Butteraugli => row.butteraugli,
            Self::SiSdr => row.si_sdr,
            Self::Lsd => row.lsd,
            Self::Mel => row.mel,
            Self::Visqol => row.visqol,
            Self::Zimtohrli => row.zimtohrli,
        }
    }

    /// The metrics that at least one of these rows has, in the order of the columns.
    pub fn present<'a>(rows: impl IntoIterator<Item = &'a Row> + Clone) -> Vec<Self> {
        let has = |metric: &Self| rows.clone().into_iter().any(|row| metric.of(row).is_some());
        Self::ALL.into_iter().filter(has).collect()
    }

    /// Whether a smaller value is a better one.
    pub const fn lower_is_better(self) -> bool {
        matches!(self, Self::Butteraugli | Self::Lsd | Self::Mel)
    }

    /// The value on the scale of the charts: MS-SSIM in dB, as papers plot it; everything else as it is.
    pub fn on_axis(self, value: f64) -> f64 {
        if self == Self::MsSsim { -10.0 * (1.0 - value).log10() } else { value }
    }

    /// The value on a scale where more is better: what a BD-rate is taken over.
    pub fn as_quality(self, value: f64) -> f64 {
        if self.lower_is_better() { -self.on_axis(value) } else { self.on_axis(value) }
    }

    /// Digits after the point that mean something.
    pub const fn digits(self) -> usize {
        match self {
            Self::MsSsim => 4,
            Self::Butteraugli | Self::Mel | Self::Visqol | Self::Zimtohrli => 3,
            _ => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_scale_of_bd_rates_more_is_better() {
        let better =
            [(Metric::MsSsim, 0.99, 0.98), (Metric::Butteraugli, 0.5, 0.7), (Metric::Psnr, 33.0, 32.0)];
        for (metric, good, bad) in better {
            assert!(metric.as_quality(good) > metric.as_quality(bad), "{metric:?}");
        }
        assert!((Metric::MsSsim.on_axis(0.99) - 20.0).abs() < 1e-9);
    }
}
