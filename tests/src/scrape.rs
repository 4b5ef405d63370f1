//! What a node's operations listener tells a Prometheus, read back into numbers.

use crate::http::Host;
use crate::process::NodeProcess;
use reqwest::Method;
use std::collections::BTreeMap;

/// One line: a name, its labels and a number.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A page of metrics.
#[derive(Clone, Debug)]
pub struct Page {
    pub text: String,
    pub samples: Vec<Sample>,
}

/// Asks a node.
pub async fn scrape(node: &NodeProcess) -> Page {
    let asked = Host::new(node.operations, "localhost").request(Method::GET, "/metrics").send().await;
    let text = asked.expect("the listener answers").text().await.expect("a page");
    let samples = text.lines().filter_map(sample).collect();
    Page { text, samples }
}

fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
    // No label of ours holds a comma or a quote.
    let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
    let labels = pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    Some(Sample { name: name.to_owned(), labels, value })
}

impl Page {
    /// All lines of a name that have these labels, whatever others they have.
    pub fn with<'p>(
        &'p self,
        name: &'p str,
        labels: &'p [(&'p str, &'p str)],
    ) -> impl Iterator<Item = &'p Sample> {
        let fits = move |sample: &&Sample| {
            let has = |(name, value): &(&str, &str)| sample.labels.get(*name).is_some_and(|own| own == value);
            labels.iter().all(has)
        };
        self.samples.iter().filter(move |sample| sample.name == name).filter(fits)
    }

    /// The sum of those lines; `None` if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.with(name, labels).map(|sample| sample.value).reduce(|sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_labels() {
        let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\",y=\"/p/{id}\"} 3\na_total{x=\"2\",y=\"q\"} 4\nb 0.5\n";
        let page = Page { text: text.into(), samples: text.lines().filter_map(sample).collect() };
        assert_eq!(page.samples.len(), 3);
        assert_eq!(page.sum("a_total", &[]), Some(7.0));
        assert_eq!(page.sum("a_total", &[("y", "/p/{id}")]), Some(3.0));
        assert_eq!(page.sum("b", &[]), Some(0.5));
        assert_eq!((page.sum("a_total", &[("x", "3")]), page.sum("a", &[])), (None, None));
    }
}
