//! Bars as SVG, computed here, with the same numbers in a table for whoever reads rather than looks.

#[derive(Clone, Debug, Default)]
pub struct Chart {
    pub title: String,
    /// What the two rows of bars are: `Today`, `Sunday before`.
    pub now_label: String,
    pub before_label: String,
    pub bars: Vec<Bar>,
    /// What the highest line stands for: `£120.00`.
    pub top_words: String,
}

#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// Under the bar: `14`.
    pub label: String,
    /// In words: `14:00 to 15:00`.
    pub spoken: String,
    pub now: i64,
    pub before: i64,
    pub now_words: String,
    pub before_words: String,
}

/// One bar in the drawing's units.
pub(super) struct Drawn<'c> {
    pub bar: &'c Bar,
    pub x: i64,
    pub label_x: i64,
    pub now_y: i64,
    pub now_height: i64,
    pub before_y: i64,
    pub before_height: i64,
    pub labelled: bool,
}

/// A grid line with what it stands for.
pub(super) struct Line {
    pub y: i64,
}

impl Chart {
    pub(super) const WIDTH: i64 = 960;
    pub(super) const HEIGHT: i64 = 200;
    const FLOOR: i64 = 172;
    const TOP: i64 = 28;

    /// The tallest bar.
    pub fn most(&self) -> i64 {
        self.bars.iter().map(|bar| bar.now.max(bar.before)).max().unwrap_or(0).max(1)
    }

    fn height(&self, value: i64) -> i64 {
        let room = i128::from(Chart::FLOOR - Chart::TOP);
        let height = room * i128::from(value.max(0)) / i128::from(self.most());
        // What is not nothing can be seen.
        i64::try_from(height).unwrap_or(0).max(i64::from(value > 0) * 2)
    }

    pub(super) fn drawn(&self) -> Vec<Drawn<'_>> {
        let count = i64::try_from(self.bars.len()).unwrap_or(1).max(1);
        let step = Chart::WIDTH / count;
        let draw = |(place, bar): (usize, &'_ Bar)| {
            let x = i64::try_from(place).unwrap_or(0) * step;
            let (now_height, before_height) = (self.height(bar.now), self.height(bar.before));
            (x, place, now_height, before_height)
        };
        self.bars
            .iter()
            .enumerate()
            .map(|(place, bar)| {
                let (x, place, now_height, before_height) = draw((place, bar));
                Drawn {
                    bar,
                    x: x + 4,
                    label_x: x + step / 2,
                    now_y: Chart::FLOOR - now_height,
                    now_height,
                    before_y: Chart::FLOOR - before_height,
                    before_height,
                    labelled: place.is_multiple_of(3) || count <= 12,
                }
            })
            .collect()
    }

    /// Width of one bar; the earlier day's stands behind it, a little wider.
    pub(super) fn bar_width(&self) -> i64 {
        let count = i64::try_from(self.bars.len()).unwrap_or(1).max(1);
        (Chart::WIDTH / count - 8).max(2)
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        (0..=4).map(|part| Line { y: Chart::FLOOR - (Chart::FLOOR - Chart::TOP) * part / 4 }).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bars.iter().all(|bar| bar.now == 0 && bar.before == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(now: i64, before: i64) -> Bar {
        Bar { now, before, ..Bar::default() }
    }

    #[test]
    fn the_tallest_bar_fills_the_room_and_no_sale_is_no_bar() {
        let chart = Chart { bars: vec![bar(0, 10), bar(5, 1), bar(i64::MAX, 0)], ..Chart::default() };
        let drawn = chart.drawn();
        assert_eq!((drawn[0].now_height, drawn[2].now_y), (0, Chart::TOP));
        assert_eq!(drawn[1].now_height, 2, "what is not nothing can be seen");
        assert!(drawn.iter().all(|bar| bar.now_y + bar.now_height == Chart::FLOOR));
    }

    #[test]
    fn a_day_without_sales_draws_no_bars() {
        let chart = Chart { bars: vec![bar(0, 0); 24], ..Chart::default() };
        assert!(chart.is_empty() && chart.drawn().iter().all(|bar| bar.now_height == 0));
    }
}
