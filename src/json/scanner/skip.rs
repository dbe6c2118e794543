//! Values that are passed over.

use super::{AFTER_NUMBER, After, LONG, Scan, Scanner, added};
use crate::error::push;
use crate::json::error::NotColumnar;
use crate::json::{number, skip_numbers};

/// Values nested deeper than this are left to Python, which may run into its recursion limit.
const DEEP: usize = 128;

impl Scanner<'_> {
    /// Steps over any value. Nesting costs one bit for each level, and no stack.
    pub fn skip(&mut self) -> Scan<()> {
        let mut levels = Levels::default();
        loop {
            self.space();
            match self.peek() {
                b'{' => {
                    self.position += 1;
                    if !self.take(b'}') {
                        self.key()?;
                        levels.open(true)?;
                        continue;
                    }
                }
                b'[' => {
                    self.position += 1;
                    if !self.take(b']') {
                        levels.open(false)?;
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b'-' | b'0'..=b'9' => {
                    if levels.in_array() {
                        self.position = skip_numbers::skip(self.bytes, self.position);
                    }
                    self.skip_number()?;
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                b'N' => self.word(b"NaN")?,
                b'I' => self.word(b"Infinity")?,
                _ => return self.fault("a value"),
            }
            loop {
                if levels.depth == 0 {
                    if levels.deepest > DEEP {
                        self.doubtful = Some(NotColumnar::DeepNesting);
                    }
                    return Ok(());
                }
                let after = if levels.in_array() {
                    self.after(b']', "',' or ']'")?
                } else {
                    self.after(b'}', "',' or '}'")?
                };
                if after == After::Comma {
                    if !levels.in_array() {
                        self.key()?;
                    }
                    break;
                }
                levels.close();
            }
        }
    }

    #[inline(always)]
    fn skip_number(&mut self) -> Scan<()> {
        let negative = self.peek() == b'-';
        self.position += usize::from(negative);
        let whole = self.position;
        let count = number::skip_digits(self.bytes, &mut self.position);
        if count == 0 {
            return if negative && self.peek() == b'I' {
                self.word(b"Infinity")
            } else {
                self.fault("a digit")
            };
        }
        if count > 1 && self.bytes[whole] == b'0' {
            self.position = whole + 1;
            return self.fault("',' or a closing bracket (numbers have no leading zeros)");
        }
        let mut integer = true;
        if self.peek() == b'.' {
            integer = false;
            self.position += 1;
            if number::skip_digits(self.bytes, &mut self.position) == 0 {
                return self.fault("a digit");
            }
        }
        if self.peek() | 0x20 == b'e' {
            integer = false;
            self.exponent()?;
        }
        if self.at_end() {
            return self.fault(AFTER_NUMBER);
        }
        if integer && count > LONG {
            self.doubtful = Some(NotColumnar::LongInteger);
        }
        Ok(())
    }
}

/// Which of the open brackets are objects, the innermost in the lowest bit.
#[derive(Default)]
struct Levels {
    depth: usize,
    deepest: usize,
    objects: u64,
    outer: Vec<u64>,
}

impl Levels {
    #[inline(always)]
    fn open(&mut self, object: bool) -> Scan<()> {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            added(push(&mut self.outer, self.objects))?;
        }
        self.objects = (self.objects << 1) | u64::from(object);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.objects = self.outer.pop().unwrap_or(0);
        }
    }

    fn in_array(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::skip;
    use crate::random::{Random, tries};

    /// Numbers in an array are passed over several at a time, the same numbers in an object one by one.
    #[test]
    fn plain_numbers_are_passed_over_as_others_are() {
        let mut random = Random::new(1);
        let mut roll = |sides: usize| random.below(sides as u64) as usize;
        for _ in 0..tries(100_000) {
            let mut numbers = String::new();
            for place in 0..1 + roll(12) {
                if place > 0 {
                    numbers += [", ", ",", ", ", ",  ", ",,", " ,", ". "]
                        [if roll(8) == 0 { roll(7) } else { roll(3) }];
                }
                numbers += ["", "", "-", "--"][if roll(9) == 0 { roll(4) } else { roll(3) }];
                for _ in 0..roll(12) + usize::from(roll(20) > 0) {
                    numbers.push(char::from(b'0' + roll(10) as u8));
                }
                numbers += [".5", ".25", ".123456789", "", "e5", ".", ".1.2"]
                    [if roll(9) == 0 { roll(7) } else { roll(4) }];
            }
            if numbers.trim().is_empty() {
                continue;
            }
            let array = format!("[{numbers}]");
            let object: String = numbers.split(',').map(|number| format!("\"\":{number},")).collect();
            let object = format!("{{{}}}", object.trim_end_matches(','));
            let doubled =
                numbers.trim_end().ends_with(',') || numbers.split(',').any(|n| n.trim().is_empty());
            assert_eq!(
                skip(array.as_bytes()).is_ok(),
                !doubled && skip(object.as_bytes()).is_ok(),
                "{array}"
            );
        }
    }

    #[test]
    fn nesting_needs_no_stack() {
        let depth = 1_000_000;
        let text =
            [b"[".repeat(depth), b"{\"a\":".repeat(70), b"1".to_vec(), b"}".repeat(70), b"]".repeat(depth)]
                .concat();
        assert_eq!(skip(&text), Ok(text.len()));
        let crossed = [b"[".repeat(200), b"{\"a\":1]".to_vec(), b"]".repeat(200)].concat();
        assert!(skip(&crossed).is_err());
    }
}
