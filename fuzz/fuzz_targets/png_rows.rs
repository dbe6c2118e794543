//! PNG files row by row: what the rows say is what the decoder of the `png` crate says, and reading ends.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use meanap::pixels::png::{LabelType, read_ids, read_labels};
use meanap::pixels::rows::{Buffers, IDS, LABELS, PngRows};
use meanap_fuzz::png::made;

/// Limit on the pixels that are read.
const FEW: usize = 1 << 21;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("meanap-fuzz-{}.png", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    // The first byte says whether the rest is a file, or what a file is to be made of.
    let Some((&first, rest)) = data.split_first() else { return };
    let text = if first == 0 { rest.to_vec() } else { made(rest) };
    std::fs::write(&*FILE, text).expect("a temporary file");
    if let Some((size, numbers)) = rows(IDS) {
        let whole = read_ids(&FILE).expect("rows were read");
        assert_eq!(([whole.height, whole.width], whole.pixels), (size, numbers));
    }
    if let Some((size, numbers)) = rows(LABELS) {
        let whole = read_labels(&FILE).expect("rows were read");
        let labels: Vec<u32> = match whole.pixels {
            LabelType::Bytes(labels) => labels.into_iter().map(u32::from).collect(),
            LabelType::Words(labels) => labels.into_iter().map(u32::from).collect(),
        };
        assert_eq!(([whole.height, whole.width], labels), (size, numbers));
    }
});

/// All pixels, row by row.
fn rows(kinds: &[(png::ColorType, png::BitDepth)]) -> Option<([usize; 2], Vec<u32>)> {
    let mut buffers = Buffers::default();
    let mut rows = PngRows::open(&FILE, kinds, &mut buffers)?;
    let [height, width] = rows.size;
    if height.checked_mul(width)? > FEW {
        return None;
    }
    let mut numbers = Vec::with_capacity(height * width);
    for _ in 0..height {
        let row = rows.next_row()?;
        assert_eq!(row[0].start, 0);
        assert!(row.windows(2).all(|pair| pair[0].number != pair[1].number));
        for (i, run) in row.iter().enumerate() {
            let end = row.get(i + 1).map_or(width, |next| next.start);
            assert!(run.start < end && end <= width);
            numbers.extend(std::iter::repeat_n(run.number, end - run.start));
        }
    }
    rows.finish()?;
    Some(([height, width], numbers))
}
