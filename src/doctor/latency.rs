//! Latencies of a few probes.

use std::time::Duration;

use super::finding::Finding;

/// Latencies of the probes of one kind, sorted.
#[derive(Debug, Default)]
pub struct Latency(Vec<Duration>);

impl Latency {
    /// Adds the latency of one probe.
    pub fn add(&mut self, took: Duration) {
        let at = self.0.partition_point(|other| *other <= took);
        self.0.insert(at, took);
    }

    /// The latency within which `percent` of the probes were done; zero if there are none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The percentiles as text, such as `p50 1.5 ms, p99 7.0 ms`.
    pub fn text(&self) -> String {
        format!("p50 {}, p99 {}", milliseconds(self.percentile(50)), milliseconds(self.percentile(99)))
    }

    /// `finding` with the number of probes and their percentiles as figures.
    pub fn add_to(&self, finding: Finding) -> Finding {
        let ms = |percent| (self.percentile(percent).as_secs_f64() * 1e6).round() / 1e3;
        finding.with("probes", self.0.len()).with("p50_ms", ms(50)).with("p99_ms", ms(99))
    }
}

/// `time` as text, such as `1.5 ms`.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentile(50), Duration::ZERO);
        for ms in [4, 1, 3, 2] {
            latency.add(Duration::from_millis(ms));
        }
        assert_eq!(latency.text(), "p50 2.0 ms, p99 4.0 ms");
    }
}
