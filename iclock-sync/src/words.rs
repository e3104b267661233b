//! Numbers in sentences.

/// A number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `one` for 1, else `many`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas_and_one_is_in_the_singular() {
        assert_eq!([1, 5_019, 1_000_000].map(grouped), ["1", "5,019", "1,000,000"]);
        assert_eq!([0, 1, 2_000].map(|n| counted(n, "user", "users")), ["0 users", "1 user", "2,000 users"]);
    }
}
