//! The elements of a large array, read by many threads.
//!
//! The array is cut into blocks of equal length. A worker estimates where the first record of its block begins (after a
//! `}`, a comma, and before the same bytes that the array's first record begins with), reads until a record begins
//! beyond the block, and hands over its rows. The rows are joined in order, and each estimate is checked: a block's
//! rows count only if the records before it ended exactly where it began. If they did not (a string that looks like a
//! record, say), what lies between is read again from the known place. So the result is what reading from the first
//! byte to the last would give, whatever the number of threads and the length of a block.
//!
//! Workers run at most a few blocks ahead of the joining, which bounds the memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::error::{Halt, Stopped};
use super::record::{Elements, KeyOrder};
use super::scanner::After;
use super::source::Source;
use super::window::Window;
use crate::threads;

/// How reading is shared out. It changes the speed and the memory, never the result.
#[derive(Clone, Copy, Debug)]
pub struct BlockPlan {
    /// Bytes that one worker reads at a time.
    pub block: u64,
    /// Bytes that a worker holds of the file.
    pub window: usize,
    /// Workers.
    pub workers: usize,
}

impl BlockPlan {
    /// What is fast on ordinary machines: a window that stays in the cache, and blocks that are many.
    pub fn for_file(source: &Source) -> BlockPlan {
        let block = 256 << 10;
        let blocks = usize::try_from(source.size() / block).unwrap_or(usize::MAX);
        BlockPlan { block, window: 128 << 10, workers: threads::count().min(blocks).max(1) }
    }
}

/// Reads the elements of a list into `rows`, from the first one's place, which is the window's, and returns the place
/// behind the closing bracket. The window is then anywhere.
pub(crate) fn read<'a, R: Elements>(
    source: &'a Source,
    plan: BlockPlan,
    window: &mut Window<'a>,
    list: &'static str,
    rows: &mut R,
) -> Result<u64, Stopped> {
    let start = window.offset();
    let mut chain = Chain {
        part: rows.fresh(),
        rows,
        window,
        list,
        order: KeyOrder::default(),
        start,
        at: start,
        len: source.size(),
        reserved: false,
        ended: None,
    };
    if plan.workers > 1 && source.size().saturating_sub(start) > plan.block {
        let opening =
            opening(chain.window, start).map_err(|halt| Stopped { halt, record: Some((list, 0)) })?;
        let team = Team {
            source,
            plan,
            start,
            opening,
            over: AtomicBool::new(false),
            state: Mutex::new(Progression {
                claimed: 0,
                joined: 0,
                joining: false,
                waiting: VecDeque::new(),
                spare: (0..ahead(plan)).map(|_| chain.rows.fresh()).collect(),
            }),
            moved: Condvar::new(),
            chain: Mutex::new(chain),
        };
        // The calling thread is one of the workers: it need not wait until another one is awake.
        threads::beside(|scope| {
            (1..plan.workers).for_each(|_| scope.spawn(|_| team.work()));
            team.work();
        });
        chain = team.chain.into_inner().unwrap_or_else(PoisonError::into_inner);
    }
    loop {
        if let Some(ended) = chain.ended {
            return ended;
        }
        let until = chain.at.saturating_add(plan.block);
        chain.advance(until);
    }
}

/// How many blocks may have been taken and not joined.
fn ahead(plan: BlockPlan) -> usize {
    4 * plan.workers
}

/// Why a worker stopped.
enum Stop {
    /// The next record begins beyond the block.
    More,
    /// The array is closed.
    Closed,
    /// The text cannot be read on.
    Broken(Halt),
    /// The block is no longer needed.
    Over,
}

/// Reads records from the window's cursor until one begins at or beyond `until`, or does not end before `reach`.
fn run<R: Elements>(
    window: &mut Window<'_>,
    order: &mut KeyOrder,
    rows: &mut R,
    [until, reach]: [u64; 2],
    over: &AtomicBool,
) -> Stop {
    loop {
        let mut scanner = window.scanner();
        let (mark, error) = loop {
            scanner.space();
            let mark = scanner.position();
            if scanner.place() >= until && !scanner.at_end() {
                window.advance_to(mark);
                return Stop::More;
            }
            if over.load(Ordering::Relaxed) {
                return Stop::Over;
            }
            let after = match rows.parse(&mut scanner, order) {
                Ok(()) => scanner.after(b']', "',' or ']'"),
                Err(error) => break (mark, error),
            };
            match after {
                Ok(After::Comma) => {
                    if let Err(error) = rows.commit() {
                        return Stop::Broken(error.into());
                    }
                }
                Ok(After::Close) => {
                    if let Err(error) = rows.commit() {
                        return Stop::Broken(error.into());
                    }
                    let position = scanner.position();
                    window.advance_to(position);
                    return Stop::Closed;
                }
                Err(error) => break (mark, error),
            }
        };
        window.advance_to(mark);
        if window.end() >= reach {
            return Stop::Over;
        }
        if let Err(halt) = window.extend(error) {
            return Stop::Broken(halt);
        }
    }
}

/// How far beyond its block a record is read whose beginning was estimated, in blocks.
const REACH: u64 = 8;

/// Most bytes of what is looked for in each block.
const MOST_OPENING: usize = 1 << 10;

/// How the record at `start` begins: its brace and first key. Empty if it is no object with a key, or a very long one.
fn opening(window: &mut Window<'_>, start: u64) -> Result<Vec<u8>, Halt> {
    window.seek(start, start);
    window.read(|scanner| {
        let start = scanner.position();
        if scanner.peek() != b'{' {
            return if scanner.at_end() { scanner.fault("a value") } else { Ok(Vec::new()) };
        }
        scanner.move_to(start + 1);
        scanner.space();
        if scanner.peek() != b'"' {
            return if scanner.at_end() { scanner.fault("a key in double quotes") } else { Ok(Vec::new()) };
        }
        scanner.string()?;
        let opening = scanner.since(start);
        Ok(if opening.len() > MOST_OPENING { Vec::new() } else { opening.to_vec() })
    })
}

/// White space between records that an estimate searches backwards.
const LOOK_BACK: u64 = 64;

/// The place in `from..until` where a record seems to begin.
fn estimate_begin(window: &mut Window<'_>, opening: &[u8], start: u64, from: u64, until: u64) -> Option<u64> {
    window.seek(from.saturating_sub(LOOK_BACK).max(start), until);
    let mut first = 0;
    loop {
        let scanner = window.scanner();
        let (text, place) = (scanner.text(), scanner.place());
        let fitting = (text.len() + 1).saturating_sub(opening.len());
        let found = (first..fitting).find(|&at| {
            text[at] == b'{'
                && place + at as u64 >= from
                && text[at..].starts_with(opening)
                && follows_a_record(&text[..at])
        });
        if let Some(at) = found {
            let begin = place + at as u64;
            return (begin < until).then_some(begin);
        }
        // On to the next piece, with what the end of this one may have cut in two.
        let behind = text.len().saturating_sub(opening.len() + LOOK_BACK as usize);
        first = fitting.saturating_sub(behind);
        let position = scanner.position() + behind;
        window.advance_to(position);
        if place + behind as u64 >= until || !window.refill().unwrap_or(false) {
            return None;
        }
    }
}

/// Whether `text` ends in a closing brace and a comma.
fn follows_a_record(text: &[u8]) -> bool {
    match text.trim_ascii_end().strip_suffix(b",") {
        Some(text) => text.trim_ascii_end().ends_with(b"}"),
        None => false,
    }
}

/// The rows of one block.
struct Block<R> {
    begin: u64,
    end: u64,
    stop: Stop,
    rows: R,
}

/// What the workers share.
struct Team<'w, 'a, R> {
    source: &'a Source,
    plan: BlockPlan,
    start: u64,
    opening: Vec<u8>,
    /// The array is at its end: blocks still being read are of no use.
    over: AtomicBool,
    state: Mutex<Progression<R>>,
    /// Signals that a block was joined.
    moved: Condvar,
    /// Held by the one worker that joins.
    chain: Mutex<Chain<'w, 'a, R>>,
}

struct Progression<R> {
    /// Blocks that workers have taken.
    claimed: u64,
    /// Blocks that have been joined.
    joined: u64,
    /// Whether a worker is joining.
    joining: bool,
    /// Blocks from `joined` on that have been read (or not yet).
    waiting: VecDeque<Option<Block<R>>>,
    /// Emptied rows, to be filled again.
    spare: Vec<R>,
}

impl<R: Elements> Team<'_, '_, R> {
    fn state(&self) -> MutexGuard<'_, Progression<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _stop_others = StopOthersOnPanic(self);
        // Without memory for it the others do the work, or the thread that joins.
        let Ok(mut window) = Window::new(self.source, self.plan.window) else { return };
        let mut order = KeyOrder::default();
        while let Some((index, mut rows)) = self.claim() {
            let from = self.start + index * self.plan.block;
            let until = from + self.plan.block;
            let begin = match index {
                0 => Some(self.start),
                _ if self.opening.is_empty() => None,
                _ => estimate_begin(&mut window, &self.opening, self.start, from, until),
            };
            let (stop, end) = match begin {
                Some(begin) => {
                    window.seek(begin, until);
                    // An incorrect estimate may read all that follows as one record, in each block: such a record is
                    // left to the thread that knows where records begin.
                    let reach = if index == 0 { u64::MAX } else { until + REACH * self.plan.block };
                    let stop = run(&mut window, &mut order, &mut rows, [until, reach], &self.over);
                    (stop, window.offset())
                }
                None => (Stop::Over, until),
            };
            self.hand_over(index, Block { begin: begin.unwrap_or(u64::MAX), end, stop, rows });
        }
    }

    /// The next block to read; waits while too many wait to be joined.
    fn claim(&self) -> Option<(u64, R)> {
        let ahead = ahead(self.plan) as u64;
        let mut state = self.state();
        // The lowest block that is not joined is always in the hands of a running worker, so this wait ends.
        while state.claimed >= state.joined + ahead && !self.over.load(Ordering::Relaxed) {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let index = state.claimed;
        if self.over.load(Ordering::Relaxed) || self.start + index * self.plan.block >= self.source.size() {
            return None;
        }
        state.claimed += 1;
        state.waiting.push_back(None);
        // There are as many rows as blocks can be under way.
        state.spare.pop().map(|rows| (index, rows))
    }

    /// Puts a block in its place, and joins all that can be joined if no other thread is doing so.
    fn hand_over(&self, index: u64, block: Block<R>) {
        let mut state = self.state();
        let place = (index - state.joined) as usize;
        state.waiting[place] = Some(block);
        if state.joining {
            return;
        }
        state.joining = true;
        while let Some(block) = state.waiting.front_mut().and_then(Option::take) {
            let index = state.joined;
            drop(state);
            let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = chain.join(block, self.start + (index + 1) * self.plan.block);
            if chain.ended.is_some() {
                self.over.store(true, Ordering::Relaxed);
            }
            drop(chain);
            state = self.state();
            let full = state.claimed >= state.joined + ahead(self.plan) as u64;
            state.joined += 1;
            state.waiting.pop_front();
            state.spare.push(rows);
            if full || self.over.load(Ordering::Relaxed) {
                self.moved.notify_all();
            }
        }
        state.joining = false;
    }
}

/// If its worker panics, the others stop too, rather than wait for a block that will not come.
struct StopOthersOnPanic<'t, 'w, 'a, R: Elements>(&'t Team<'w, 'a, R>);

impl<R: Elements> Drop for StopOthersOnPanic<'_, '_, '_, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Ordering::Relaxed);
            let _state = self.0.state();
            self.0.moved.notify_all();
        }
    }
}

/// All rows up to a known place.
struct Chain<'w, 'a, R> {
    rows: &'w mut R,
    window: &'w mut Window<'a>,
    list: &'static str,
    order: KeyOrder,
    /// What is being read here, emptied each time.
    part: R,
    start: u64,
    /// Where the next record begins.
    at: u64,
    len: u64,
    reserved: bool,
    /// The place behind the array, or why it was not reached.
    ended: Option<Result<u64, Stopped>>,
}

impl<R: Elements> Chain<'_, '_, R> {
    /// Adds a block that covers the file up to `until`, and returns its rows, emptied.
    fn join(&mut self, mut block: Block<R>, until: u64) -> R {
        if self.ended.is_none() && self.at < block.begin.min(until) {
            self.advance(block.begin.min(until));
        }
        if self.ended.is_none() && self.at == block.begin {
            self.add(&mut block.rows, block.end, block.stop);
            return block.rows;
        }
        if self.ended.is_none() && self.at < until {
            self.advance(until);
        }
        self.rows.fresh()
    }

    /// Reads on from the known place until a record begins at or beyond `until`.
    fn advance(&mut self, until: u64) {
        let mut part = std::mem::replace(&mut self.part, self.rows.fresh());
        self.window.seek(self.at, until);
        let stop = run(self.window, &mut self.order, &mut part, [until, u64::MAX], &AtomicBool::new(false));
        let end = self.window.offset();
        self.add(&mut part, end, stop);
        self.part = part;
    }

    fn add(&mut self, rows: &mut R, end: u64, stop: Stop) {
        let record = self.rows.count() + rows.count();
        if let Err(error) = self.rows.append(rows) {
            self.ended = Some(Err(error.into()));
            return;
        }
        self.at = end;
        match stop {
            Stop::More | Stop::Over => {}
            Stop::Closed => self.ended = Some(Ok(end)),
            Stop::Broken(halt) => {
                self.ended = Some(Err(Stopped { halt, record: Some((self.list, record)) }));
            }
        }
        if !self.reserved && self.ended.is_none() && self.rows.count() > 0 {
            self.reserved = true;
            // Records are alike: the file holds about as many more as its length says.
            let density = self.rows.count() as f64 / (self.at - self.start) as f64;
            let count = (density * (self.len - self.start) as f64 * 1.02) as usize + 64;
            // Where there is no memory for the estimate, the records themselves may fit.
            let _ = self.rows.reserve(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Elements;
    use super::super::scanner::{Scan, Scanner};
    use super::*;
    use crate::error::Result;

    /// Counts records, and breaks at one that is marked.
    struct Fragile(usize);

    impl Elements for Fragile {
        fn fresh(&self) -> Self {
            Fragile(0)
        }

        fn parse(&mut self, scanner: &mut Scanner<'_>, _: &mut KeyOrder) -> Scan<()> {
            let start = scanner.position();
            scanner.skip()?;
            assert!(!scanner.since(start).ends_with(b"9}"), "marked");
            Ok(())
        }

        fn commit(&mut self) -> Result<()> {
            self.0 += 1;
            Ok(())
        }

        fn count(&self) -> usize {
            self.0
        }

        fn append(&mut self, part: &mut Self) -> Result<()> {
            self.0 += std::mem::take(&mut part.0);
            Ok(())
        }

        fn reserve(&mut self, _: usize) -> Result<()> {
            Ok(())
        }
    }

    fn count(records: usize, marked: usize) -> usize {
        let record = |i| if i == marked { "{\"a\": 9}" } else { "{\"a\": 1}" };
        let text = (0..records).map(record).collect::<Vec<_>>().join(",") + "]";
        let (source, mut rows) = (Source::from(text.into_bytes()), Fragile(0));
        let plan = BlockPlan { block: 50, window: 64, workers: 3 };
        read(&source, plan, &mut Window::new(&source, plan.window).unwrap(), "", &mut rows).unwrap();
        rows.0
    }

    #[test]
    fn all_records_are_counted() {
        assert_eq!(count(1000, 1000), 1000);
    }

    #[test]
    #[should_panic]
    fn a_panic_leaves_nobody_waiting() {
        count(1000, 3);
    }
}
