//! Bars, drawn here as SVG: a chart needs no script.

/// The size of a chart, in its own units.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 120;

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: u64,
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    /// The label stands below the bar.
    pub(super) is_labelled: bool,
}

/// A chart of bars.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    pub(super) most: u64,
    pub(super) sum: u64,
}

impl Chart {
    /// Bars side by side, the highest of which fills the height. Every so many has its label.
    pub(super) fn of(values: Vec<(String, u64)>, label_every: usize) -> Self {
        let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0);
        let sum = values.iter().map(|(_, value)| value).sum();
        let step = WIDTH / (values.len().max(1) as u64);
        let bar = |(at, (label, value)): (usize, (String, u64))| {
            // A bar of something is seen beside any other.
            let height = if value == 0 { 0 } else { (value.saturating_mul(HEIGHT) / most.max(1)).max(2) };
            Bar {
                label,
                value,
                x: at as u64 * step + 1,
                y: HEIGHT - height,
                width: step.saturating_sub(3).max(1),
                height,
                is_labelled: at % label_every.max(1) == 0,
            }
        };
        Self { bars: values.into_iter().enumerate().map(bar).collect(), most, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_inside_and_a_small_one_is_seen() {
        let values = [0, 1, 1_000_000].map(|value| (value.to_string(), value));
        let chart = Chart::of(values.to_vec(), 2);
        let heights: Vec<u64> = chart.bars.iter().map(|bar| bar.height).collect();
        assert_eq!((heights, chart.sum, chart.most), (vec![0, 2, HEIGHT], 1_000_001, 1_000_000));
        assert!(chart.bars.iter().all(|bar| bar.x + bar.width <= WIDTH && bar.y + bar.height == HEIGHT));
        assert!(Chart::of(Vec::new(), 0).bars.is_empty());
        let all: Vec<_> = (0..2_000).map(|value| (String::new(), value)).collect();
        assert!(Chart::of(all, 1).bars.iter().all(|bar| bar.width >= 1));
    }
}
