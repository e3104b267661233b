//! How far a clock is off, in words.

/// A drift in its two largest units.
pub(crate) fn drift(seconds: i64) -> String {
    let off = seconds.unsigned_abs();
    let units = [(off / 86_400, "d"), (off / 3600 % 24, "h"), (off / 60 % 60, "min"), (off % 60, "s")];
    let text: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match seconds {
        0 => "right".to_owned(),
        1.. => format!("{} ahead", text.join(" ")),
        _ => format!("{} behind", text.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_has_two_units() {
        let told = [0, 12, -10_800, 125, -90_061].map(drift);
        assert_eq!(told, ["right", "12 s ahead", "3 h behind", "2 min 5 s ahead", "1 d 1 h behind"]);
    }
}
