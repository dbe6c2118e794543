//! How a box is given.

/// How a box is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxFormat {
    /// Two corners.
    Xyxy,
    /// A corner and the size.
    Xywh,
    /// The centre and the size.
    Cxcywh,
}

impl BoxFormat {
    /// What Python calls so.
    pub fn named(name: &str) -> Option<BoxFormat> {
        match name {
            "xyxy" => Some(BoxFormat::Xyxy),
            "xywh" => Some(BoxFormat::Xywh),
            "cxcywh" => Some(BoxFormat::Cxcywh),
            _ => None,
        }
    }

    /// A box as `x, y, width, height`; numbers of single precision stay such.
    ///
    /// # Errors
    ///
    /// What is wrong with the box, in words.
    #[inline]
    pub fn converted(
        self,
        [a, b, c, d]: [f64; 4],
        single: bool,
    ) -> std::result::Result<[f64; 4], &'static str> {
        let round = |x: f64| if single { f64::from(x as f32) } else { x };
        let converted = match self {
            BoxFormat::Xyxy => [a, b, round(c - a), round(d - b)],
            BoxFormat::Xywh => [a, b, c, d],
            BoxFormat::Cxcywh => [round(a - c / 2.0), round(b - d / 2.0), c, d],
        };
        // Times zero, what is not finite is NaN.
        if converted.iter().map(|x| x * 0.0).sum::<f64>() != 0.0 {
            return Err("NaN or infinite");
        }
        match converted[2] < 0.0 || converted[3] < 0.0 {
            false => Ok(converted),
            true if self == BoxFormat::Xyxy => Err("the second corner lies before the first"),
            true => Err("a negative size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_gives_the_same_box() {
        let given = [
            ("xyxy", [1.0, 2.0, 4.0, 6.0]),
            ("xywh", [1.0, 2.0, 3.0, 4.0]),
            ("cxcywh", [2.5, 4.0, 3.0, 4.0]),
        ];
        for (name, numbers) in given {
            assert_eq!(BoxFormat::named(name).unwrap().converted(numbers, false), Ok([1.0, 2.0, 3.0, 4.0]));
        }
        assert_eq!(BoxFormat::named("yxyx"), None);
    }

    #[test]
    fn single_precision_is_rounded_as_its_arrays_compute() {
        let numbers = [f64::from(0.1f32), 0.0, f64::from(0.7f32), 1.0];
        let [.., width, _] = BoxFormat::Xyxy.converted(numbers, true).unwrap();
        assert_eq!(width, f64::from(0.7f32 - 0.1f32));
        assert_ne!(width, BoxFormat::Xyxy.converted(numbers, false).unwrap()[2]);
    }

    #[test]
    fn boxes_that_are_none_are_refused() {
        assert_eq!(
            BoxFormat::Xyxy.converted([1.0, 2.0, 0.5, 6.0], false),
            Err("the second corner lies before the first")
        );
        assert_eq!(BoxFormat::Xywh.converted([1.0, 2.0, 0.5, -6.0], false), Err("a negative size"));
        assert_eq!(BoxFormat::Xyxy.converted([1.0, 2.0, 1.0, 2.0], false), Ok([1.0, 2.0, 0.0, 0.0]));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(BoxFormat::Cxcywh.converted([1.0, bad, 1.0, 1.0], false), Err("NaN or infinite"));
        }
    }
}
