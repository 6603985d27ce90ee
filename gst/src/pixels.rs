//! Pixels of the library to and from frames of GStreamer.
//!
//! GStreamer has no gray with alpha, and no colour of 16 bits without it, so those go into the next format that holds
//! them exactly: RGBA and ARGB64. Samples of 16 bits are in the byte order of the machine.

use crate::failure;
use gst_video::{VideoCapsBuilder, VideoFormat, VideoFrameExt, VideoFrameRef};
use wavern::errors::SignalError;
use wavern::rows::Pixels;
use wavern::{Color, Image, Samples};

const GRAY16: VideoFormat =
    if cfg!(target_endian = "big") { VideoFormat::Gray16Be } else { VideoFormat::Gray16Le };

/// All formats that pictures come and go in.
const FORMATS: [VideoFormat; 5] =
    [VideoFormat::Rgb, VideoFormat::Rgba, VideoFormat::Gray8, GRAY16, VideoFormat::Argb64];

/// Caps of all pictures that there are.
pub(crate) fn all_caps() -> gst::Caps {
    VideoCapsBuilder::new().format_list(FORMATS).build()
}

/// The smallest format that holds a picture.
pub(crate) fn format_of(color: Color, depth: u8, alpha: bool) -> VideoFormat {
    match (color == Color::Gray && !alpha, depth) {
        (true, 8) => VideoFormat::Gray8,
        (true, _) => GRAY16,
        (false, 8) if alpha => VideoFormat::Rgba,
        (false, 8) => VideoFormat::Rgb,
        (false, _) => VideoFormat::Argb64,
    }
}

/// Writes a row of a frame. `alpha` is that of the same pixels; without one they are opaque.
pub(crate) fn write_row(row: &mut [u8], format: VideoFormat, colors: Pixels<'_>, alpha: Option<Pixels<'_>>) {
    match (format, colors, alpha) {
        (VideoFormat::Gray8 | VideoFormat::Rgb, Pixels::U8(colors), _) => {
            row.iter_mut().zip(colors).for_each(|(out, sample)| *out = *sample);
        }
        (VideoFormat::Rgba, Pixels::U8(colors), Some(Pixels::U8(alpha))) => {
            let pixels = row.as_chunks_mut::<4>().0.iter_mut().zip(rgb(colors, alpha.len())).zip(alpha);
            pixels.for_each(|((out, [r, g, b]), a)| *out = [r, g, b, *a]);
        }
        (VideoFormat::Argb64, Pixels::U16(colors), alpha) => {
            let alpha = match alpha {
                Some(Pixels::U16(alpha)) => Some(alpha),
                _ => None,
            };
            let pixels = row.len() / 8;
            for (index, (out, [r, g, b])) in row.chunks_exact_mut(8).zip(rgb(colors, pixels)).enumerate() {
                let a = alpha.and_then(|alpha| alpha.get(index)).copied().unwrap_or(u16::MAX);
                let samples = out.as_chunks_mut::<2>().0.iter_mut().zip([a, r, g, b]);
                samples.for_each(|(out, sample)| *out = sample.to_ne_bytes());
            }
        }
        (_, Pixels::U16(colors), _) => {
            let samples = row.as_chunks_mut::<2>().0.iter_mut().zip(colors);
            samples.for_each(|(out, sample)| *out = sample.to_ne_bytes());
        }
        _ => debug_assert!(false, "samples that the format was not chosen for"),
    }
}

/// Colours pixel by pixel, of which there are `pixels`; gray three times.
fn rgb<T: Copy>(colors: &[T], pixels: usize) -> impl Iterator<Item = [T; 3]> {
    let channels = if colors.len() == pixels { 1 } else { 3 };
    colors.chunks_exact(channels).map(move |pixel| [pixel[0], pixel[channels / 2], pixel[channels - 1]])
}

/// The picture in a frame. Of ARGB64, alpha that is opaque everywhere is left out: it was asked for by the format.
pub(crate) fn image(frame: &VideoFrameRef<&gst::BufferRef>) -> Result<Image, gst::ErrorMessage> {
    let (width, height) = (frame.width(), frame.height());
    let (format, stride) = (frame.format(), frame.plane_stride()[0]);
    let data = frame.plane_data(0).map_err(failure::gstreamer)?;
    let row = width as usize * frame.comp_pstride(0) as usize;
    let rows = data.chunks(usize::try_from(stride).map_err(failure::gstreamer)?.max(1));
    let rows = rows.take(height as usize).filter_map(|bytes| bytes.get(..row));
    let bytes: Vec<u8> = rows.flatten().copied().collect();
    let wide = || bytes.as_chunks::<2>().0.iter().map(|sample| u16::from_ne_bytes(*sample));
    let made = match format {
        VideoFormat::Rgb => Image::new(width, height, Color::Rgb, Samples::U8(bytes)),
        VideoFormat::Gray8 => Image::new(width, height, Color::Gray, Samples::U8(bytes)),
        VideoFormat::Rgba => {
            let pixels = bytes.as_chunks::<4>().0;
            let colors = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
            let alpha = pixels.iter().map(|[.., a]| *a).collect();
            with_alpha(width, height, Samples::U8(colors), Samples::U8(alpha))
        }
        VideoFormat::Argb64 => {
            let colors =
                wide().enumerate().filter(|(index, _)| index % 4 != 0).map(|(_, sample)| sample).collect();
            let alpha: Vec<u16> = wide().step_by(4).collect();
            match alpha.iter().all(|sample| *sample == u16::MAX) {
                true => Image::new(width, height, Color::Rgb, Samples::U16(colors)),
                false => with_alpha(width, height, Samples::U16(colors), Samples::U16(alpha)),
            }
        }
        _ => Image::new(width, height, Color::Gray, Samples::U16(wide().collect())),
    };
    made.map_err(|error| failure::encoding(&error.into()))
}

fn with_alpha(width: u32, height: u32, colors: Samples, alpha: Samples) -> Result<Image, SignalError> {
    Image::new(width, height, Color::Rgb, colors)?.with_alpha(alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst_video::VideoInfo;

    /// A frame with rows of these samples, padded as GStreamer does, read back as a picture.
    fn back(format: VideoFormat, width: u32, rows: &[(Pixels<'_>, Option<Pixels<'_>>)]) -> Image {
        gst::init().unwrap();
        let info = VideoInfo::builder(format, width, rows.len() as u32).build().unwrap();
        let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
        {
            let buffer = buffer.get_mut().unwrap();
            let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
            let (stride, used) = (info.stride()[0] as usize, width as usize * info.comp_pstride(0) as usize);
            let data = frame.plane_data_mut(0).unwrap();
            data.fill(0x55);
            for (out, (colors, alpha)) in data.chunks_mut(stride).zip(rows) {
                write_row(&mut out[..used], format, *colors, *alpha);
            }
        }
        image(&VideoFrameRef::from_buffer_ref_readable(&buffer, &info).unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let row: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let wide: [u16; 9] = [1, 65535, 3, 40_000, 5, 6, 7, 800, 9];
        let rgb = back(VideoFormat::Rgb, 3, &[(Pixels::U8(&row), None); 2]);
        assert_eq!(rgb.samples(), &Samples::U8(row.repeat(2)));
        let gray = back(VideoFormat::Gray8, 9, &[(Pixels::U8(&row), None)]);
        assert_eq!((gray.color(), gray.samples()), (Color::Gray, &Samples::U8(row.to_vec())));
        let gray = back(GRAY16, 9, &[(Pixels::U16(&wide), None); 3]);
        assert_eq!(gray.samples(), &Samples::U16(wide.repeat(3)));
        let deep = back(VideoFormat::Argb64, 3, &[(Pixels::U16(&wide), None)]);
        assert_eq!((deep.samples(), deep.alpha()), (&Samples::U16(wide.to_vec()), None));
        let alpha = [0, 7, 65535];
        let deep = back(VideoFormat::Argb64, 3, &[(Pixels::U16(&wide), Some(Pixels::U16(&alpha)))]);
        assert_eq!(deep.alpha(), Some(&Samples::U16(alpha.to_vec())));
        let clear = back(VideoFormat::Rgba, 3, &[(Pixels::U8(&row), Some(Pixels::U8(&[0, 9, 255])))]);
        assert_eq!(
            (clear.samples(), clear.alpha()),
            (&Samples::U8(row.to_vec()), Some(&Samples::U8(vec![0, 9, 255])))
        );
        let gray = back(VideoFormat::Rgba, 2, &[(Pixels::U8(&[5, 6]), Some(Pixels::U8(&[1, 2])))]);
        assert_eq!(gray.samples(), &Samples::U8(vec![5, 5, 5, 6, 6, 6]));
    }

    #[test]
    fn a_picture_gets_the_smallest_format() {
        assert_eq!(format_of(Color::Gray, 8, false), VideoFormat::Gray8);
        assert_eq!(format_of(Color::Gray, 16, true), VideoFormat::Argb64);
        assert_eq!(format_of(Color::Gray, 8, true), VideoFormat::Rgba);
        assert_eq!(format_of(Color::Rgb, 16, false), VideoFormat::Argb64);
        assert!(FORMATS.contains(&format_of(Color::Gray, 16, false)));
    }
}
