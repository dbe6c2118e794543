//! Instance masks as they were given, undecoded: most are never compared.

use crate::error::{Error, Result, append, extend, push, reserve};

/// How one mask was given, and where in the arenas of [`Masks`] it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskShape {
    /// Polygons: rings `first..first + count` of [`Masks::rings`], united.
    Polygons {
        /// Index of the first ring.
        first: u32,
        /// Number of rings.
        count: u32,
    },
    /// Compressed run lengths: [`Masks::text`].
    Compressed {
        /// The piece of [`Masks::texts`].
        piece: u32,
        /// First byte in it.
        start: u32,
        /// Number of bytes.
        len: u32,
    },
    /// Plain run lengths: `counts[start..start + len]`.
    Counts {
        /// First count.
        start: u64,
        /// Number of counts.
        len: u32,
    },
}

/// Masks of many objects in four arenas: no allocation for each object.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// Height and width of each object's mask in pixels.
    pub size: Vec<[u32; 2]>,
    /// How each object's mask was given.
    pub shape: Vec<MaskShape>,
    /// Compressed run lengths of all objects, in pieces that are never copied.
    pub texts: Vec<Vec<u8>>,
    /// Plain run lengths of all objects.
    pub counts: Vec<u32>,
    /// Polygon coordinates `x, y, x, y, …` of all objects.
    pub coordinates: Vec<f64>,
    /// Ends of the rings in `coordinates`: ring `r` is `coordinates[rings[r - 1]..rings[r]]` (from 0 for the first).
    pub rings: Vec<u64>,
}

/// The ends of the arenas of [`Masks`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MasksEnd {
    masks: usize,
    texts: usize,
    bytes: usize,
    counts: usize,
    coordinates: usize,
    rings: usize,
}

impl Masks {
    /// The number of objects.
    pub fn len(&self) -> usize {
        self.shape.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shape.is_empty()
    }

    /// Where the masks end now.
    pub fn mark(&self) -> MasksEnd {
        MasksEnd {
            masks: self.shape.len(),
            texts: self.texts.len(),
            bytes: self.texts.last().map_or(0, Vec::len),
            counts: self.counts.len(),
            coordinates: self.coordinates.len(),
            rings: self.rings.len(),
        }
    }

    /// Removes all that was added since the mark.
    pub fn restore(&mut self, mark: MasksEnd) {
        self.size.truncate(mark.masks);
        self.shape.truncate(mark.masks);
        self.texts.truncate(mark.texts);
        if let Some(piece) = self.texts.last_mut() {
            piece.truncate(mark.bytes);
        }
        self.counts.truncate(mark.counts);
        self.coordinates.truncate(mark.coordinates);
        self.rings.truncate(mark.rings);
    }

    /// Adds a mask of a shape that lies in the arenas.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, here as in all that adds masks.
    #[inline(always)]
    pub fn push(&mut self, size: [u32; 2], shape: MaskShape) -> Result<()> {
        push(&mut self.size, size)?;
        push(&mut self.shape, shape)
    }

    /// Adds a mask given as compressed run lengths.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the text has 2 GiB or more.
    pub fn push_compressed(&mut self, size: [u32; 2], text: &[u8]) -> Result<()> {
        let shape = self.add_text(|piece| {
            reserve(piece, text.len())?;
            piece.extend_from_slice(text);
            Ok::<_, Error>(Some(()))
        })?;
        let shape = shape.ok_or_else(|| Error::value("run lengths are longer than 2 GiB"))?;
        self.push(size, shape)
    }

    /// The shape of compressed run lengths that `write` adds to a piece of text; `None` if it says so.
    ///
    /// # Errors
    ///
    /// As of `write`.
    pub fn add_text<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> std::result::Result<Option<()>, E>,
    ) -> std::result::Result<Option<MaskShape>, E> {
        const FULL: usize = 1 << 31;
        if self.texts.last().is_none_or(|piece| piece.len() >= FULL) {
            self.texts.push(Vec::new());
        }
        let number = self.texts.len() - 1;
        let piece = &mut self.texts[number];
        let start = piece.len();
        Ok(write(piece)?.and_then(|()| {
            let len = u32::try_from(piece.len() - start).ok().filter(|&len| (len as usize) < FULL)?;
            Some(MaskShape::Compressed { piece: number as u32, start: start as u32, len })
        }))
    }

    /// Compressed run lengths.
    #[inline]
    pub fn text(&self, piece: u32, start: u32, len: u32) -> &[u8] {
        let start = start as usize;
        &self.texts[piece as usize][start..start + len as usize]
    }

    /// Adds a mask given as plain run lengths.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn push_counts(&mut self, size: [u32; 2], counts: &[u32]) -> Result<()> {
        reserve(&mut self.counts, counts.len())?;
        self.push(size, MaskShape::Counts { start: self.counts.len() as u64, len: counts.len() as u32 })?;
        self.counts.extend_from_slice(counts);
        Ok(())
    }

    /// Adds one ring to the polygons of an object that [`Masks::push_polygons`] will close.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn push_ring(&mut self, coordinates: impl IntoIterator<Item = f64>) -> Result<()> {
        extend(&mut self.coordinates, coordinates)?;
        push(&mut self.rings, self.coordinates.len() as u64)
    }

    /// Closes an object made of the last `count` rings.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn push_polygons(&mut self, size: [u32; 2], count: u32) -> Result<()> {
        self.push(size, MaskShape::Polygons { first: self.rings.len() as u32 - count, count })
    }

    /// The coordinates of ring `ring`.
    pub fn ring(&self, ring: u32) -> &[f64] {
        let ring = ring as usize;
        let start = if ring == 0 { 0 } else { self.rings[ring - 1] };
        &self.coordinates[start as usize..self.rings[ring] as usize]
    }

    /// Adds all of `other`'s masks after these.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn append(&mut self, mut other: Masks) -> Result<()> {
        let (texts, counts) = (self.texts.len() as u32, self.counts.len() as u64);
        let (rings, coordinates) = (self.rings.len() as u32, self.coordinates.len() as u64);
        append(&mut self.size, &mut other.size)?;
        reserve(&mut self.shape, other.shape.len())?;
        self.shape.extend(other.shape.iter().map(|shape| match *shape {
            MaskShape::Polygons { first, count } => MaskShape::Polygons { first: first + rings, count },
            MaskShape::Compressed { piece, start, len } => {
                MaskShape::Compressed { piece: piece + texts, start, len }
            }
            MaskShape::Counts { start, len } => MaskShape::Counts { start: start + counts, len },
        }));
        append(&mut self.texts, &mut other.texts)?;
        append(&mut self.counts, &mut other.counts)?;
        append(&mut self.coordinates, &mut other.coordinates)?;
        reserve(&mut self.rings, other.rings.len())?;
        self.rings.extend(other.rings.iter().map(|end| end + coordinates));
        Ok(())
    }
}
