//! Arrow streams: whatever a producer says of formats, lengths, offsets and children is read or refused, and nothing
//! outside of the buffers is read.
//!
//! The interface does not state how long a buffer is, so each is exactly as long as its array needs by what the array
//! says; where that is too much, the buffer is missing.
#![no_main]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use libfuzzer_sys::fuzz_target;
use meanap::arrow::Numbers;
use meanap::arrow::{ArrowArray, ArrowArrayStream, ArrowSchema};
use meanap::arrow::{Column, Table};
use meanap_fuzz::take::Take;

/// Most values of one buffer.
const MOST: i64 = 4096;

#[repr(C)]
struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private_data: *mut c_void,
}

#[repr(C)]
struct Array {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Array,
    dictionary: *mut Array,
    release: Option<unsafe extern "C" fn(*mut Array)>,
    private_data: *mut c_void,
}

#[repr(C)]
struct Stream {
    get_schema: Option<unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut Stream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut Stream)>,
    private_data: *mut c_void,
}

/// A type as the input wants it.
struct Type {
    format: CString,
    children: Vec<Type>,
    dictionary: Option<Box<Type>>,
}

/// All memory that the structures point to.
#[derive(Default)]
struct Memory {
    bytes: Vec<Box<[u8]>>,
    pointers: Vec<Box<[*const c_void]>>,
    texts: Vec<CString>,
    schemas: Vec<Box<Schema>>,
    arrays: Vec<Box<Array>>,
    schema_lists: Vec<Box<[*mut Schema]>>,
    array_lists: Vec<Box<[*mut Array]>>,
}

/// What a stream gives.
struct Given {
    schema: Option<Schema>,
    batches: Vec<Array>,
    code: c_int,
    message: Option<CString>,
}

unsafe extern "C" fn release_schema(schema: *mut Schema) {
    unsafe { (*schema).release = None }
}

unsafe extern "C" fn release_array(array: *mut Array) {
    unsafe { (*array).release = None }
}

unsafe extern "C" fn release_stream(stream: *mut Stream) {
    unsafe { (*stream).release = None }
}

unsafe extern "C" fn get_schema(stream: *mut Stream, place: *mut Schema) -> c_int {
    let given = unsafe { &mut *(*stream).private_data.cast::<Given>() };
    match given.schema.take() {
        Some(schema) => {
            unsafe { place.write(schema) }
            0
        }
        None => 22,
    }
}

unsafe extern "C" fn get_next(stream: *mut Stream, place: *mut Array) -> c_int {
    let given = unsafe { &mut *(*stream).private_data.cast::<Given>() };
    match given.batches.pop() {
        Some(array) => {
            unsafe { place.write(array) }
            0
        }
        None => given.code,
    }
}

unsafe extern "C" fn get_last_error(stream: *mut Stream) -> *const c_char {
    let given = unsafe { &*(*stream).private_data.cast::<Given>() };
    given.message.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}

const FORMATS: [&str; 36] = [
    "l",
    "g",
    "i",
    "f",
    "b",
    "u",
    "U",
    "vu",
    "c",
    "C",
    "s",
    "S",
    "I",
    "L",
    "e",
    "n",
    "+l",
    "+L",
    "+w:2",
    "+w:4",
    "+s",
    "d:9,2",
    "d:9,2,32",
    "d:9,2,64",
    "d:38,30",
    "d:9,-3",
    "d:76,2,256",
    "+w:0",
    "+w:99999999999",
    "+w:-1",
    "z",
    "tdD",
    "+vl",
    "+r",
    "",
    "d:,",
];

fn a_type(take: &mut Take, depth: usize) -> Type {
    let format = match take.byte() {
        255 => CString::new(take.bytes(6).iter().copied().filter(|&byte| byte != 0).collect::<Vec<u8>>())
            .expect("no zeros"),
        byte => CString::new(FORMATS[usize::from(byte) % FORMATS.len()]).expect("no zeros"),
    };
    let nested = format.as_bytes().first() == Some(&b'+');
    let count = match (nested, take.byte()) {
        (true, 0..230) if format.as_bytes() != b"+s" => 1,
        (true, byte) => usize::from(byte % 5),
        (false, 250..) => 1,
        (false, _) => 0,
    };
    let children = if depth == 0 { 0 } else { count };
    let children = (0..children).map(|_| a_type(take, depth - 1)).collect();
    let dictionary = (depth > 0 && !nested && take.byte() > 220).then(|| Box::new(a_type(take, depth - 1)));
    Type { format, children, dictionary }
}

/// Bits of a value, where values lie one behind the other in the second buffer.
fn width(format: &str) -> Option<usize> {
    Some(match format {
        "b" => 1,
        "c" | "C" => 8,
        "s" | "S" | "e" => 16,
        "i" | "I" | "f" => 32,
        "l" | "L" | "g" | "tdD" => 64,
        "vu" => 128,
        _ if format.starts_with("d:") => match format.split(',').nth(2) {
            Some("32") => 32,
            Some("64") => 64,
            Some("256") => 256,
            _ => 128,
        },
        _ => return None,
    })
}

impl Memory {
    fn schema(&mut self, of: &Type, take: &mut Take) -> Schema {
        let children: Vec<*mut Schema> = of
            .children
            .iter()
            .map(|child| {
                let mut child = Box::new(self.schema(child, take));
                let pointer: *mut Schema = &mut *child;
                self.schemas.push(child);
                pointer
            })
            .collect();
        let dictionary = of.dictionary.as_ref().map_or(null_mut(), |dictionary| {
            let mut dictionary = Box::new(self.schema(dictionary, take));
            let pointer: *mut Schema = &mut *dictionary;
            self.schemas.push(dictionary);
            pointer
        });
        self.texts.push(of.format.clone());
        let format = self.texts[self.texts.len() - 1].as_ptr();
        let n_children = children.len() as i64;
        let mut list = children.into_boxed_slice();
        let children = if n_children == 0 { null_mut() } else { list.as_mut_ptr() };
        self.schema_lists.push(list);
        let name = if take.byte() == 0 { std::ptr::null() } else { format };
        Schema {
            format: if take.byte() == 255 { std::ptr::null() } else { format },
            name,
            metadata: std::ptr::null(),
            flags: 2,
            n_children,
            children,
            dictionary,
            release: Some(release_schema),
            private_data: null_mut(),
        }
    }

    /// A buffer of that many bytes, somewhere not aligned.
    fn buffer(&mut self, bytes: Vec<u8>, take: &mut Take) -> *const c_void {
        let shift = usize::from(take.byte() == 77);
        let moved: Box<[u8]> = std::iter::repeat_n(0, shift).chain(bytes).collect();
        let pointer = moved[shift..].as_ptr();
        self.bytes.push(moved);
        pointer.cast()
    }

    fn array(&mut self, of: &Type, take: &mut Take, rows: i64) -> Array {
        let (length, offset) = match take.byte() {
            0..200 => (rows, 0),
            200..230 => (rows, take.length() % 40),
            _ => (take.length(), take.length()),
        };
        let end = length.checked_add(offset).filter(|&end| length >= 0 && offset >= 0 && end <= MOST);
        let null_count = match take.byte() {
            0..180 => 0,
            180..220 => -1,
            _ => take.length(),
        };
        let format = of.format.to_str().unwrap_or("?");
        let mut buffers: Vec<*const c_void> = vec![std::ptr::null()];
        let fill = |count: usize, take: &mut Take| {
            let mut bytes = take.bytes(count).to_vec();
            bytes.resize(count, 0);
            bytes
        };
        if let Some(end) = end
            && take.byte() > 128
        {
            let flags = if take.byte() > 60 {
                vec![255; (end as usize).div_ceil(8)]
            } else {
                fill((end as usize).div_ceil(8), take)
            };
            buffers[0] = self.buffer(flags, take);
        }
        let child_rows = match format.split_once(':') {
            Some((_, width)) => rows.saturating_mul(width.parse().unwrap_or(1)).clamp(0, 400),
            None if format == "+l" || format == "+L" => i64::from(take.byte() % 30),
            None => rows,
        };
        match (end, format) {
            (None, _) => buffers.push(std::ptr::null()),
            (Some(end), "u" | "U" | "z" | "+l" | "+L") => {
                let wide = format == "U" || format == "+L";
                let held = child_rows.max(40);
                let mut at = 0i64;
                let ordered = take.byte() < 220;
                let mut offsets = Vec::new();
                for _ in 0..=end {
                    offsets.push(if ordered { at } else { take.length() });
                    at = (at + i64::from(take.byte() % 4)).min(held);
                }
                if format != "+l" && format != "+L" {
                    // These cannot be checked.
                    offsets.iter_mut().for_each(|offset| *offset = (*offset).clamp(-300, held));
                }
                let bytes = match wide {
                    true => offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect(),
                    false => offsets.iter().flat_map(|&offset| (offset as i32).to_le_bytes()).collect(),
                };
                buffers.push(self.buffer(bytes, take));
                let text = if format == "z" || format.starts_with('+') {
                    Vec::new()
                } else {
                    fill(held as usize, take)
                };
                buffers.push(self.buffer(text, take));
            }
            (Some(end), "vu") => {
                let variadic = take.below(3);
                let held: Vec<i64> = (0..variadic).map(|_| i64::from(take.byte())).collect();
                let mut views = Vec::new();
                for _ in 0..end {
                    let length = match take.byte() {
                        short @ 0..150 => u32::from(short % 13),
                        long => u32::from(long),
                    };
                    views.extend(length.to_le_bytes());
                    match length {
                        0..=12 => views.extend(fill(12, take)),
                        _ => {
                            views.extend([0; 4]);
                            views.extend((take.below(4) as u32).to_le_bytes());
                            views.extend(
                                (if take.byte() > 250 {
                                    take.word() as u32
                                } else {
                                    u32::from(take.byte() % 40)
                                })
                                .to_le_bytes(),
                            );
                        }
                    }
                }
                buffers.push(self.buffer(views, take));
                for &held in &held {
                    let bytes = fill(held as usize, take);
                    buffers.push(self.buffer(bytes, take));
                }
                let lengths = held.iter().flat_map(|held| held.to_le_bytes()).collect();
                buffers.push(self.buffer(lengths, take));
            }
            (Some(end), _) => {
                if let Some(width) = width(format) {
                    let bytes = fill((end as usize * width).div_ceil(8), take);
                    buffers.push(self.buffer(bytes, take));
                }
            }
        }
        if take.byte() > 245 {
            buffers.truncate(take.below(3));
        }
        if take.byte() > 245 && !buffers.is_empty() {
            let at = take.below(buffers.len());
            // Of views the number of buffers says where the lengths are; all others may be missing.
            buffers[at] = std::ptr::null();
        }
        let mut pointers = buffers.into_boxed_slice();
        let n_buffers = pointers.len() as i64;
        let buffers = if n_buffers == 0 { null_mut() } else { pointers.as_mut_ptr() };
        self.pointers.push(pointers);
        let mut children: Vec<*mut Array> = of
            .children
            .iter()
            .map(|child| {
                let rows =
                    if child_rows == rows && offset > 0 { length.saturating_add(offset) } else { child_rows };
                let mut child = Box::new(self.array(child, take, rows.clamp(0, MOST)));
                let pointer: *mut Array = &mut *child;
                self.arrays.push(child);
                pointer
            })
            .collect();
        if take.byte() > 250 {
            children.pop();
        }
        let dictionary = match &of.dictionary {
            Some(dictionary) if take.byte() < 250 => {
                let rows = i64::from(take.byte() % 20);
                let mut dictionary = Box::new(self.array(dictionary, take, rows));
                let pointer: *mut Array = &mut *dictionary;
                self.arrays.push(dictionary);
                pointer
            }
            _ => null_mut(),
        };
        let n_children = children.len() as i64;
        let mut list = children.into_boxed_slice();
        let children = if n_children == 0 { null_mut() } else { list.as_mut_ptr() };
        self.array_lists.push(list);
        Array {
            length,
            null_count,
            offset,
            n_buffers,
            n_children,
            buffers,
            children,
            dictionary,
            release: Some(release_array),
            private_data: null_mut(),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut take = Take(data);
    let mut memory = Memory::default();
    let top = match take.byte() {
        0..200 => Type {
            format: c"+s".to_owned(),
            children: (0..1 + take.below(4)).map(|_| a_type(&mut take, 2)).collect(),
            dictionary: None,
        },
        _ => a_type(&mut take, 3),
    };
    let schema = memory.schema(&top, &mut take);
    let mut batches = Vec::new();
    for _ in 0..take.below(4) {
        let rows = i64::from(take.byte() % 30);
        batches.push(memory.array(&top, &mut take, rows));
    }
    let failing = take.byte() > 240;
    let mut given = Given {
        schema: (take.byte() < 250).then_some(schema),
        batches,
        code: if failing { 5 } else { 0 },
        message: (take.byte() > 100).then(|| c"it \xffis broken".to_owned()),
    };
    let mut stream = Stream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: (take.byte() > 20).then_some(get_last_error),
        release: Some(release_stream),
        private_data: (&raw mut given).cast(),
    };
    // SAFETY: the structures are laid out as the interface says, and what they point to outlives the table.
    let stream = unsafe { ArrowArrayStream::take((&raw mut stream).cast::<ArrowArrayStream>()) };
    const {
        assert!(
            size_of::<Schema>() == size_of::<ArrowSchema>() && size_of::<Array>() == size_of::<ArrowArray>()
        )
    }
    read(stream);
    drop(given);
    drop(memory);
});

fn read(stream: ArrowArrayStream) {
    let Ok(table) = Table::read(stream) else { return };
    // What has no names is no table, though lists have something within.
    let columns = table.names().map_or(0, |names| names.map_or(usize::MAX, |names| names.len()));
    for i in 0..=columns.min(4) {
        if let Ok(column) = table.column(i) {
            assert!(i < columns, "a column that is not there");
            check(&column, table.len);
        }
    }
    if let Ok(column) = table.values() {
        check(&column, table.len);
    }
}

/// That a column is what it says.
fn check(column: &Column, rows: usize) {
    match column {
        Column::Numbers { values, shape } => {
            assert_eq!(shape[0], rows);
            let count: usize = shape.iter().product();
            let held = match values {
                Numbers::Bool(values) => values.len(),
                Numbers::I8(values) => values.len(),
                Numbers::U8(values) => values.len(),
                Numbers::I16(values) => values.len(),
                Numbers::U16(values) => values.len(),
                Numbers::I32(values) => values.len(),
                Numbers::U32(values) => values.len(),
                Numbers::I64(values) => values.len(),
                Numbers::U64(values) => values.len(),
                Numbers::F32(values) => values.iter().map(|value| std::hint::black_box(*value)).count(),
                Numbers::F64(values) => values.iter().map(|value| std::hint::black_box(*value)).count(),
            };
            assert_eq!(held, count);
        }
        Column::Texts(texts) => {
            assert_eq!(texts.len(), rows);
            let letters =
                |row| texts.text(texts.code(row)).iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
            std::hint::black_box((0..rows).fold(0u8, |sum, row| sum.wrapping_add(letters(row))));
        }
        Column::Lists { offsets, items } => {
            assert_eq!(offsets.len(), rows + 1);
            assert!(offsets.is_sorted());
            check(items, offsets[rows]);
        }
    }
}
