//! Text files with an object on each line, in columns of words and numbers between spaces.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::word::number;
use super::{Checked, Fault, no_memory};
use crate::error::{
    Error, ErrorKind, Result, append, collect_parallel, copied_text, extend, push, with_capacity,
};
use crate::progress::Progress;
use crate::threads;

/// Files that one thread reads in one go.
const FILES: usize = 16;
/// Faults that are described; more are counted only.
const MOST_FAULTS: usize = 10_000;

/// The columns of a line.
#[derive(Clone, Debug)]
pub struct LineLayout {
    /// The name of each column, and whether it holds a word, not a number.
    pub columns: Vec<(String, bool)>,
    /// How many of the last columns may be missing.
    pub optional: usize,
    /// Beginnings of lines that are passed over.
    pub skipped: Vec<String>,
}

/// The objects of many files, file by file and line by line.
#[derive(Debug, Default)]
pub struct LineObjects {
    /// The file of each object.
    pub file: Vec<u32>,
    /// Its line in that file, from 1.
    pub line: Vec<u32>,
    /// Its words, as positions in `texts`, row by row.
    pub words: Vec<u32>,
    /// Its numbers, row by row; NaN where an optional one is missing.
    pub numbers: Vec<f64>,
    /// All words that there are, in order of first appearance.
    pub texts: Vec<String>,
    /// What is wrong, in the same order: the lines that are left out.
    pub faults: Vec<Fault>,
    /// How many lines are left out.
    pub left_out: u64,
    codes: HashMap<String, u32>,
}

/// Reads files.
///
/// # Errors
///
/// A file cannot be read; the error names it. Lines that cannot be used are in [`LineObjects::faults`].
pub fn read<P: AsRef<Path> + Sync>(
    paths: &[P],
    layout: &LineLayout,
    progress: &Progress,
) -> Result<LineObjects> {
    let read = |(group, paths): (usize, &[P])| -> Result<LineObjects> {
        let mut rows = LineObjects::default();
        for (at, path) in paths.iter().enumerate() {
            progress.check()?;
            let text = fs::read(path).map_err(|error| Error::io(error).in_file(path.as_ref()))?;
            rows.read(FILES * group + at, &text, layout).map_err(|error| error.in_file(path.as_ref()))?;
        }
        Ok(rows)
    };
    let groups = threads::run(|| collect_parallel(paths.par_chunks(FILES).enumerate().map(read)))?;
    let mut all = LineObjects::default();
    for rows in groups {
        all.append(rows?)?;
    }
    Ok(all)
}

impl LineObjects {
    /// Adds the objects of a file.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn read(&mut self, file: usize, text: &[u8], layout: &LineLayout) -> Result<()> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (line, text) in text.split(|&byte| byte == b'\n').enumerate() {
            let text = text.trim_ascii();
            if text.is_empty() || layout.skipped.iter().any(|start| text.starts_with(start.as_bytes())) {
                continue;
            }
            let before = (self.words.len(), self.numbers.len());
            match self.object(text, layout) {
                Ok(()) => {
                    push(&mut self.file, file as u32)?;
                    push(&mut self.line, line as u32 + 1)?;
                }
                Err((_, error)) if error.kind() == ErrorKind::OutOfMemory => return Err(error),
                Err((code, error)) => {
                    self.words.truncate(before.0);
                    self.numbers.truncate(before.1);
                    self.left_out += 1;
                    if self.faults.len() < MOST_FAULTS {
                        push(&mut self.faults, Fault { file, code, error: error.in_line(line + 1) })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn object(&mut self, text: &[u8], layout: &LineLayout) -> Checked<()> {
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let least = layout.columns.len() - layout.optional;
        let count = words.clone().count();
        if !(least..=layout.columns.len()).contains(&count) {
            let names: Vec<&str> = layout.columns.iter().map(|(name, _)| name.as_str()).collect();
            let expected = format!("{least}: {}", names[..least].join(" "));
            let error = Error::value("").found(format!("has {count} columns")).expected(expected);
            return Err(("wrong-length", error));
        }
        for (name, is_word) in &layout.columns {
            let word = words.next();
            if *is_word {
                let text = String::from_utf8_lossy(word.unwrap_or_default());
                let added = self.code(&text).and_then(|code| push(&mut self.words, code));
                added.map_err(no_memory)?;
            } else {
                let read = word.map_or(Ok(f64::NAN), number);
                let read = read.map_err(|error| ("not-a-number", error.field(name).expected("a number")))?;
                push(&mut self.numbers, read).map_err(no_memory)?;
            }
        }
        Ok(())
    }

    fn code(&mut self, text: &str) -> Result<u32> {
        if let Some(&code) = self.codes.get(text) {
            return Ok(code);
        }
        let code = self.texts.len() as u32;
        self.codes.try_reserve(1).map_err(|_| Error::out_of_memory_for("the words of label files"))?;
        let key = copied_text(text)?;
        push(&mut self.texts, copied_text(text)?)?;
        self.codes.insert(key, code);
        Ok(code)
    }

    fn append(&mut self, mut other: LineObjects) -> Result<()> {
        let mut codes = with_capacity(other.texts.len())?;
        for text in &other.texts {
            codes.push(self.code(text)?);
        }
        append(&mut self.file, &mut other.file)?;
        append(&mut self.line, &mut other.line)?;
        extend(&mut self.words, other.words.iter().map(|&code| codes[code as usize]))?;
        append(&mut self.numbers, &mut other.numbers)?;
        self.left_out += other.left_out;
        let space = MOST_FAULTS.saturating_sub(self.faults.len());
        extend(&mut self.faults, other.faults.into_iter().take(space))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::temporary;

    fn layout(columns: &str, optional: usize, skipped: &[&str]) -> LineLayout {
        let columns = columns.split(' ').map(|name| (name.to_owned(), name.starts_with('w'))).collect();
        LineLayout { columns, optional, skipped: skipped.iter().map(|start| (*start).to_owned()).collect() }
    }

    #[test]
    fn columns_are_words_and_numbers() {
        let mut rows = LineObjects::default();
        rows.read(4, b"\xef\xbb\xbfgsd:1\r\na 1 b\n\n c\t2e1  a 7\r\n", &layout("w1 n1 w2 n2", 1, &["gsd:"]))
            .unwrap();
        assert_eq!((rows.file, rows.line), (vec![4, 4], vec![2, 4]));
        assert_eq!((rows.words, rows.texts), (vec![0, 1, 2, 0], ["a", "b", "c"].map(String::from).to_vec()));
        assert_eq!(rows.numbers[0], 1.0);
        assert!(rows.numbers[1].is_nan());
        assert_eq!(rows.numbers[2..], [20.0, 7.0]);
        assert_eq!(rows.left_out, 0);
    }

    #[test]
    fn a_line_that_cannot_be_used_is_left_out_and_said() {
        let mut rows = LineObjects::default();
        rows.read(0, b"a 1 2\nb x 2\na\nc 3 nan\nd 4 5 6\ne 5 6", &layout("word left right", 0, &[]))
            .unwrap();
        let messages: Vec<String> =
            rows.faults.iter().map(|fault| format!("{}: {}", fault.code, fault.error)).collect();
        let columns = "expected 3: word left right";
        assert_eq!(
            messages,
            [
                "not-a-number: line 2: \"left\" is \"x\", expected a number".to_owned(),
                format!("wrong-length: line 3 has 1 columns, {columns}"),
                "not-a-number: line 4: \"right\" is nan, expected a number".to_owned(),
                format!("wrong-length: line 5 has 4 columns, {columns}"),
            ]
        );
        assert_eq!((rows.line, rows.numbers, rows.left_out), (vec![1, 6], vec![1.0, 2.0, 5.0, 6.0], 4));
        assert_eq!(rows.words.len(), 2);
    }

    #[test]
    fn many_files_are_read_as_one_after_another() {
        let folder = temporary("table");
        fs::create_dir_all(&folder).unwrap();
        let paths: Vec<_> = (0..50).map(|file| folder.join(format!("{file}.txt"))).collect();
        let layout = layout("word number", 0, &[]);
        let mut whole = LineObjects::default();
        for (file, path) in paths.iter().enumerate() {
            let text: String =
                (0..file % 7).map(|line| format!("w{} {line}\n", (file * line) % 11)).collect();
            fs::write(path, &text).unwrap();
            whole.read(file, text.as_bytes(), &layout).unwrap();
        }
        let found = read(&paths, &layout, &Progress::default()).unwrap();
        assert_eq!((found.file, found.line, found.words), (whole.file, whole.line, whole.words));
        assert_eq!((found.texts, found.numbers), (whole.texts, whole.numbers));
        fs::remove_dir_all(folder).unwrap();
        assert!(read(&paths, &layout, &Progress::default()).is_err());
    }
}
