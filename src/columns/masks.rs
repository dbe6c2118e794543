//! Instance masks as they were given, undecoded: most are never compared.

/// How one mask was given, and where in the arenas of [`Masks`] it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Polygons: rings `first..first + count` of [`Masks::rings`], united.
    Polygons {
        /// Index of the first ring.
        first: u32,
        /// Number of rings.
        count: u32,
    },
    /// Compressed run lengths: `bytes[start..start + len]`.
    Compressed {
        /// First byte.
        start: u64,
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
    pub shape: Vec<Shape>,
    /// Compressed run lengths of all objects.
    pub bytes: Vec<u8>,
    /// Plain run lengths of all objects.
    pub counts: Vec<u32>,
    /// Polygon coordinates `x, y, x, y, …` of all objects.
    pub coordinates: Vec<f64>,
    /// Ends of the rings in `coordinates`: ring `r` is `coordinates[rings[r - 1]..rings[r]]` (from 0 for the first).
    pub rings: Vec<u64>,
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

    /// Adds a mask given as compressed run lengths.
    pub fn push_compressed(&mut self, size: [u32; 2], text: &[u8]) {
        self.size.push(size);
        self.shape.push(Shape::Compressed { start: self.bytes.len() as u64, len: text.len() as u32 });
        self.bytes.extend_from_slice(text);
    }

    /// Adds a mask given as plain run lengths.
    pub fn push_counts(&mut self, size: [u32; 2], counts: &[u32]) {
        self.size.push(size);
        self.shape.push(Shape::Counts { start: self.counts.len() as u64, len: counts.len() as u32 });
        self.counts.extend_from_slice(counts);
    }

    /// Adds one ring to the polygons of an object that [`Masks::push_polygons`] will close.
    pub fn push_ring(&mut self, coordinates: impl IntoIterator<Item = f64>) {
        self.coordinates.extend(coordinates);
        self.rings.push(self.coordinates.len() as u64);
    }

    /// Closes an object made of the last `count` rings.
    pub fn push_polygons(&mut self, size: [u32; 2], count: u32) {
        self.size.push(size);
        self.shape.push(Shape::Polygons { first: self.rings.len() as u32 - count, count });
    }

    /// The coordinates of ring `ring`.
    pub fn ring(&self, ring: u32) -> &[f64] {
        let ring = ring as usize;
        let start = if ring == 0 { 0 } else { self.rings[ring - 1] };
        &self.coordinates[start as usize..self.rings[ring] as usize]
    }

    /// Adds all of `other`'s masks after these.
    pub fn append(&mut self, other: &Masks) {
        let (bytes, counts) = (self.bytes.len() as u64, self.counts.len() as u64);
        let (rings, coordinates) = (self.rings.len() as u32, self.coordinates.len() as u64);
        self.size.extend_from_slice(&other.size);
        self.shape.extend(other.shape.iter().map(|shape| match *shape {
            Shape::Polygons { first, count } => Shape::Polygons { first: first + rings, count },
            Shape::Compressed { start, len } => Shape::Compressed { start: start + bytes, len },
            Shape::Counts { start, len } => Shape::Counts { start: start + counts, len },
        }));
        self.bytes.extend_from_slice(&other.bytes);
        self.counts.extend_from_slice(&other.counts);
        self.coordinates.extend_from_slice(&other.coordinates);
        self.rings.extend(other.rings.iter().map(|end| end + coordinates));
    }
}
