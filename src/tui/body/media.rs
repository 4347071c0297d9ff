//! What a body is that is no text: an image with its size and a small copy to look at, a font, a
//! program, in a few words.

use std::io::Cursor;

use image::{ImageReader, Limits};

use crate::tui::tables::Table;
use crate::tui::text::size;

/// Pixels of a preview: two rows of them make one row of the screen.
const PREVIEW: (u32, u32) = (100, 60);
/// An image with more pixels in a row or column has no preview.
const SIDE_MAX: u32 = 12_000;
/// How much memory decoding may take, in bytes.
const DECODING_BYTES_MAX: u64 = 128 << 20;

/// A small copy of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preview {
    pub(crate) width: usize,
    /// Red, green, blue; row by row.
    pub(crate) pixels: Vec<[u8; 3]>,
}

/// What it is: its name, and what is known of it.
pub(super) fn about(bytes: &[u8]) -> Option<(&'static str, Table)> {
    image(bytes)
        .or_else(|| font(bytes))
        .or_else(|| other(bytes))
}

fn image(bytes: &[u8]) -> Option<(&'static str, Table)> {
    let kind = imagesize::image_type(bytes).ok()?;
    let name = match kind {
        imagesize::ImageType::Png => "PNG",
        imagesize::ImageType::Jpeg => "JPEG",
        imagesize::ImageType::Gif => "GIF",
        imagesize::ImageType::Webp => "WebP",
        imagesize::ImageType::Bmp => "BMP",
        imagesize::ImageType::Ico => "icon",
        imagesize::ImageType::Heif(_) => "AVIF or HEIF",
        imagesize::ImageType::Tiff => "TIFF",
        imagesize::ImageType::Jxl => "JPEG XL",
        _ => "image",
    };
    let mut table = Table::new("Image");
    table.add("format", name, "");
    match imagesize::blob_size(bytes) {
        Ok(found) => {
            let pixels = format!("{} × {} pixels", found.width, found.height);
            table.add("size", &pixels, "");
        }
        Err(_) => table.add("size", "cannot be read: the image is cut or broken", ""),
    }
    Some((name, table))
}

/// A small copy, if this is an image that can be decoded within bounds.
pub(super) fn preview(bytes: &[u8]) -> Option<Preview> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODING_BYTES_MAX);
    reader.limits(limits);
    let image = reader.decode().ok()?;
    let (width, height) = (image.width().max(1), image.height().max(1));
    // Never larger than it is.
    let (most_wide, most_high) = (PREVIEW.0.min(width), PREVIEW.1.min(height));
    let small = image.thumbnail(most_wide, most_high).into_rgba8();
    let blend = |c: u8, alpha: u8| {
        // What is transparent lies on grey.
        let (c, alpha) = (u32::from(c), u32::from(alpha));
        ((c * alpha + 96 * (255 - alpha)) / 255) as u8
    };
    let pixels = small.pixels().map(|p| {
        let [r, g, b, a] = p.0;
        [blend(r, a), blend(g, a), blend(b, a)]
    });
    Some(Preview {
        width: small.width() as usize,
        pixels: pixels.collect(),
    })
}

fn font(bytes: &[u8]) -> Option<(&'static str, Table)> {
    let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (name, flavour, tables, whole) = match bytes.get(..4)? {
        b"wOF2" => ("WOFF2", long(4)?, short(12)?, Some(long(16)?)),
        b"wOFF" => ("WOFF", long(4)?, short(12)?, Some(long(16)?)),
        b"OTTO" => ("OpenType", long(0)?, short(4)?, None),
        b"\0\x01\0\0" | b"true" => ("TrueType", long(0)?, short(4)?, None),
        b"ttcf" => ("font collection", long(0)?, 0, None),
        _ => return None,
    };
    let mut table = Table::new("Font");
    table.add("format", name, "");
    let outlines = if flavour == u32::from_be_bytes(*b"OTTO") {
        "PostScript (CFF)"
    } else {
        "TrueType"
    };
    table.add("outlines", outlines, "");
    if tables > 0 {
        table.add("tables", &tables.to_string(), "");
    }
    if let Some(whole) = whole {
        table.add("unpacked", &size(u64::from(whole)), "");
    }
    Some((name, table))
}

fn other(bytes: &[u8]) -> Option<(&'static str, Table)> {
    let starts = |with: &[u8]| bytes.starts_with(with);
    let name = if starts(b"\0asm") {
        let mut table = Table::new("WebAssembly");
        let version = bytes
            .get(4..8)
            .and_then(|v| v.try_into().ok())
            .map(u32::from_le_bytes);
        if let Some(version) = version {
            table.add("version", &version.to_string(), "");
        }
        table.add("sections", &sections(bytes).join(", "), "");
        return Some(("WebAssembly", table));
    } else if starts(b"%PDF-") {
        "PDF"
    } else if starts(b"PK\x03\x04") {
        "ZIP archive"
    } else if starts(b"\x1f\x8b") {
        "gzip"
    } else if starts(b"\x28\xb5\x2f\xfd") {
        "zstd"
    } else if starts(b"\x1a\x45\xdf\xa3") {
        "WebM or Matroska"
    } else if bytes.get(4..8) == Some(b"ftyp") {
        "MP4"
    } else if starts(b"OggS") {
        "Ogg"
    } else if starts(b"ID3") || starts(b"\xff\xfb") {
        "MP3"
    } else if starts(b"SQLite format 3\0") {
        "SQLite"
    } else {
        return None;
    };
    let mut table = Table::new("File");
    table.add("format", name, "");
    Some((name, table))
}

/// The sections of a module, in order (WebAssembly core § 5.5.2).
fn sections(bytes: &[u8]) -> Vec<String> {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    let mut found: Vec<String> = Vec::new();
    let mut at = 8;
    while let Some(id) = bytes.get(at)
        && found.len() < 40
    {
        let Some((len, after)) = leb128(bytes, at + 1) else {
            break;
        };
        let name = NAMES.get(usize::from(*id)).unwrap_or(&"unknown");
        found.push(format!("{name} {}", size(len)));
        let Some(next) = usize::try_from(len)
            .ok()
            .and_then(|len| after.checked_add(len))
        else {
            break;
        };
        at = next;
    }
    found
}

fn leb128(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of two by two pixels, made by hand: red, green, blue, white.
    const BMP: &[u8] = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0\
        \0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \xff\0\0\xff\xff\xff\0\0\0\0\xff\0\xff\0\0\0";

    #[test]
    fn what_it_is() {
        let rows = |bytes: &[u8]| {
            let (name, table) = about(bytes)?;
            let rows = table.rows.into_iter().map(|r| r.value);
            Some((name, rows.collect::<Vec<_>>().join(" | ")))
        };
        let told = |name, text: &str| Some((name, text.to_owned()));
        assert_eq!(rows(BMP), told("BMP", "BMP | 2 × 2 pixels"));
        let font = [
            b"wOF2OTTO".as_slice(),
            &[0; 4],
            &[0, 12, 0, 0],
            &[0, 1, 0, 0],
        ]
        .concat();
        assert_eq!(
            rows(&font),
            told("WOFF2", "WOFF2 | PostScript (CFF) | 12 | 66 kB")
        );
        let module = b"\0asm\x01\0\0\0\x01\x02ab\x0a\x01c";
        assert_eq!(rows(module), told("WebAssembly", "1 | type 2 B, code 1 B"));
        assert_eq!(rows(b"%PDF-1.7"), told("PDF", "PDF"));
        assert_eq!(rows(b"nothing known"), None);
    }

    #[test]
    fn a_small_copy_and_none_of_what_is_broken() {
        let seen = preview(BMP).expect("it is a picture");
        assert_eq!(seen.width, 2);
        assert_eq!(
            seen.pixels,
            [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
        );
        for cut in 0..BMP.len() - 1 {
            about(&BMP[..cut]);
            preview(&BMP[..cut]);
        }
        // A header that promises 40000 × 40000 pixels.
        let mut vast = BMP.to_vec();
        vast[18..22].copy_from_slice(&40_000_u32.to_le_bytes());
        vast[22..26].copy_from_slice(&40_000_u32.to_le_bytes());
        assert_eq!(preview(&vast), None);
    }
}
