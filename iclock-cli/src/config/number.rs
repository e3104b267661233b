//! Whole numbers on the command line.

use std::ops::RangeInclusive;

/// Reads a whole number.
pub(crate) fn any<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    read(text, 0..=u64::MAX)
}

/// Reads a whole number that is not 0.
pub(crate) fn positive<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    read(text, 1..=u64::MAX)
}

/// Returns a reader of whole numbers from the first to the last of these.
pub(crate) fn within<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| read(text, range.clone())
}

fn read<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, String> {
    let wanted = || match (*range.start(), *range.end()) {
        (0, u64::MAX) => "write a whole number, such as 300".to_owned(),
        (least, u64::MAX) => format!("write a whole number, at least {least}"),
        (least, most) => format!("write a whole number from {least} to {most}"),
    };
    let number: u64 = text.trim().parse().map_err(|_| wanted())?;
    if !range.contains(&number) {
        return Err(wanted());
    }
    T::try_from(number).map_err(|_| "the number is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        assert_eq!((any::<u64>("300"), positive::<u16>(" 1 "), within(0..=9)("9")), (Ok(300), Ok(1), Ok(9_u8)));
        let refused = |text: &str| any::<u64>(text).unwrap_err();
        for text in ["abc", "-3", "1.5", "", "18446744073709551616"] {
            assert_eq!(refused(text), "write a whole number, such as 300", "{text}");
        }
        assert_eq!(positive::<u16>("0").unwrap_err(), "write a whole number, at least 1");
        assert_eq!(positive::<u16>("70000").unwrap_err(), "the number is too large");
        assert_eq!(within::<u32>(1..=254)("255").unwrap_err(), "write a whole number from 1 to 254");
    }
}
