//! Pictures of a finger. The format of real terminals is not documented: these are rows of grey points.

use bytes::Bytes;

use crate::data::Random;

/// The value that requests the small image instead of a width.
const SMALL: u32 = 500;
/// Width of the small image, and of the whole sensor.
const SMALL_WIDTH: u32 = 125;
const WHOLE_WIDTH: u32 = 640;
/// Points of the whole sensor.
const WHOLE: usize = 640 * 480;

/// The picture with a width; `None` if the sensor does not support the width.
pub(crate) fn finger(width: u32, seed: u64) -> Option<Bytes> {
    let width = if width == SMALL { SMALL_WIDTH } else { width };
    (1..=WHOLE_WIDTH).contains(&width).then(|| points(width as usize * width as usize * 3 / 4, seed))
}

/// The whole picture of the sensor.
pub(crate) fn whole(seed: u64) -> Bytes {
    points(WHOLE, seed)
}

fn points(count: usize, seed: u64) -> Bytes {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.next() as u8).collect()
}
