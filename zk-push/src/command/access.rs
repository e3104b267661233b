//! Values of access control tables: periods of a day, and sets of doors.

/// Packs a period of a day, `08:30-12:00`, as `timezone` rows have it: hours and minutes in decimal digits, the start
/// in the upper 16 bits. `None` for anything else.
#[must_use]
pub fn time_slot(text: &str) -> Option<u32> {
    let (start, end) = text.split_once('-')?;
    let clock = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let digits =
            |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok());
        let (hours, minutes): (u32, u32) = (digits(hours)??, digits(minutes)??);
        (hours < 24 && minutes < 60).then_some(hours * 100 + minutes)
    };
    Some(clock(start)? << 16 | clock(end)?)
}

/// Reads a packed period, as [`time_slot`] writes it. `None` if it names no hours and minutes.
#[must_use]
pub fn time_slot_text(packed: u32) -> Option<String> {
    let clock = |value: u32| {
        let (hours, minutes) = (value / 100, value % 100);
        (hours < 24 && minutes < 60).then(|| format!("{hours:02}:{minutes:02}"))
    };
    Some(format!("{}-{}", clock(packed >> 16)?, clock(packed & 0xFFFF)?))
}

/// Packs a set of doors: bit n-1 is door n. `None` for a door that is not 1 to 32.
#[must_use]
pub fn door_mask(doors: &[u8]) -> Option<u32> {
    doors.iter().try_fold(0, |mask, door| (1..=32).contains(door).then(|| mask | 1 << (door - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_read_as_it_was_written() {
        for text in ["00:00-00:00", "08:30-12:00", "00:00-23:59"] {
            assert_eq!(time_slot(text).and_then(time_slot_text).as_deref(), Some(text));
        }
        for bad in ["", "8:30-12:00", "08:60-12:00", "24:00-25:00", "08:30", "+8:30-12:00"] {
            assert_eq!(time_slot(bad), None, "{bad}");
        }
        assert_eq!(time_slot_text(99), None);
    }

    #[test]
    fn a_door_beyond_the_mask_is_none() {
        assert_eq!((door_mask(&[1, 32]), door_mask(&[0]), door_mask(&[33])), (Some(0x8000_0001), None, None));
    }
}
