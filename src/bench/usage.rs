//! What the target uses: the CPU time of its process, and the requests that its metrics count.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::options::BenchOptions;

/// Time for the target to answer a scrape.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one scrape; a larger one is not Alluvium's.
const SCRAPE_BYTES_MAX: u64 = 64 << 20;
/// Clock ticks a second in `/proc/<pid>/stat`: a constant of Linux's user interface (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Amounts used so far; `None` if the options do not say where to read them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of the process, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Number of object PUTs.
    pub puts: Option<f64>,
    /// Number of object GETs.
    pub gets: Option<f64>,
    /// Number of metastore commits of the log.
    pub commits: Option<f64>,
}

impl Usage {
    /// Reads the amounts from the process and the metrics that `options` name.
    pub async fn read(options: &BenchOptions) -> Result<Self> {
        let mut usage = Self { cpu_seconds: options.pid.map(cpu_seconds).transpose()?, ..Self::default() };
        if let Some(address) = &options.metrics {
            let scrape = tokio::time::timeout(SCRAPE_TIMEOUT, scrape(address)).await;
            let samples =
                scrape.context("no answer in time").flatten().with_context(|| format!("metrics of {address}"))?;
            usage.puts = samples.get("alluvium_object_puts_total").copied();
            usage.gets = samples.get("alluvium_object_gets_total").copied();
            usage.commits = samples.get("alluvium_log_commits_total").copied();
        }
        Ok(usage)
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        let difference = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self {
            cpu_seconds: difference(self.cpu_seconds, earlier.cpu_seconds),
            puts: difference(self.puts, earlier.puts),
            gets: difference(self.gets, earlier.gets),
            commits: difference(self.commits, earlier.commits),
        }
    }
}

fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    // Fields are counted after the command, which is in parentheses and may contain spaces: user time is the 12th,
    // system time the 13th.
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).with_context(|| path.clone());
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// The samples of a scrape by name; those of one name with several labels are added up.
async fn scrape(address: &str) -> Result<HashMap<String, f64>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(SCRAPE_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(samples(&text))
}

fn samples(text: &str) -> HashMap<String, f64> {
    let mut samples = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name.split('{').next().unwrap_or(name);
        if let Ok(value) = value.parse::<f64>() {
            *samples.entry(name.to_owned()).or_default() += value;
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_are_added_up() {
        let text = "HTTP/1.0 200 OK\r\n\r\n# TYPE a counter\na{kind=\"x y\"} 2\na{kind=\"z\"} 3.5\nb 1\n";
        let samples = samples(text);
        assert_eq!((samples["a"], samples["b"]), (5.5, 1.0));
    }

    #[test]
    fn the_cpu_time_of_this_process_is_readable() {
        assert!(cpu_seconds(std::process::id()).expect("Linux tells") >= 0.0);
    }
}
