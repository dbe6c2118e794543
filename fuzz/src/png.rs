//! PNG files made of fuzz input, so that a change of one byte leaves them files.

use crate::take::Take;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// A file: kind, size, filters and pixels as the input says, sometimes with too few or too many of them.
pub fn made(data: &[u8]) -> Vec<u8> {
    let mut take = Take(data);
    let (color, depth, bytes) =
        [(0, 8, 1), (0, 16, 2), (2, 8, 3), (3, 8, 1), (6, 8, 4), (0, 4, 1), (4, 8, 2)][take.below(7)];
    let interlaced = take.byte() == 255;
    let [height, mut width] = [1 + take.below(24), 1 + take.below(90)];
    // Wide rows move the window; what is in them comes again and again.
    if take.byte() > 200 {
        width *= 1 + take.below(64);
    }
    let odd = take.byte();
    let stored = take.byte() % 2 == 0;
    let pieces = 1 + take.below(5);
    let line = if depth == 4 { width.div_ceil(2) } else { width * bytes };
    let mut rows = Vec::with_capacity(height * (line + 1));
    // What is left comes again and again.
    let mut next = take.0.iter().copied().cycle();
    let mut next = || next.next().unwrap_or(0);
    for _ in 0..height {
        rows.push(next() % if odd == 1 { 7 } else { 5 });
        let end = rows.len() + line;
        while rows.len() < end {
            let token = next();
            if token % 3 > 0 {
                // A run of one byte.
                let run = 1 + usize::from(next());
                rows.resize(end.min(rows.len() + run), next() % 8);
            } else {
                let bytes = (1 + usize::from(token)).min(end - rows.len());
                rows.extend(std::iter::repeat_with(&mut next).take(bytes));
            }
        }
    }
    match odd {
        2 => rows.truncate(rows.len() / 2),
        3 => rows.resize(rows.len() + 300_000, 0),
        4 => rows.push(0),
        _ => {}
    }
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&rows, if stored { 0 } else { 6 });
    let mut file = SIGNATURE.to_vec();
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((height as u32).to_be_bytes());
    header.extend([depth, color, 0, 0, u8::from(interlaced)]);
    chunk(&mut file, b"IHDR", &header);
    if color == 3 {
        chunk(&mut file, b"PLTE", &[7; 3 * 256]);
    }
    let packed = if odd == 5 { &packed[..packed.len() - 3] } else { &packed };
    packed.chunks(packed.len().div_ceil(pieces).max(1)).for_each(|piece| chunk(&mut file, b"IDAT", piece));
    if odd == 6 {
        chunk(&mut file, b"IDAT", &[1, 2, 3]);
    }
    if odd != 7 {
        chunk(&mut file, b"IEND", &[]);
    }
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let checksum = crc(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

fn crc(data: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !data.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc)))
}
