//! A token bucket: so many a second over time, and so many at once.

use std::time::Duration;
use tokio::time::Instant;

/// A token bucket whose time is told to it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// What one token costs of time; zero: they are free.
    each: Duration,
    burst: u32,
    /// When the bucket would be full again.
    full_at: Instant,
}

impl Bucket {
    /// A full bucket of `burst` tokens that gains `per_second` of them; 0 a second bounds nothing.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let each = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Self { each, burst: burst.max(1), full_at: now }
    }

    /// Takes a token, and returns how long to wait before it may be used; `None`: longer than
    /// patience allows, and nothing was taken.
    pub fn take(&mut self, now: Instant, patience: Duration) -> Option<Duration> {
        let full_at = self.full_at.max(now) + self.each;
        let wait = (full_at - now).saturating_sub(self.each * self.burst);
        if wait > patience {
            return None;
        }
        self.full_at = full_at;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 3, start);
        let patience = Duration::from_millis(150);
        let mut take = |ms| bucket.take(start + Duration::from_millis(ms), patience);
        for _ in 0..3 {
            assert_eq!(take(0), Some(Duration::ZERO));
        }
        assert_eq!(take(0), Some(Duration::from_millis(100)), "the fourth waits");
        assert_eq!(take(0), None, "the fifth would wait for too long");
        assert_eq!(take(200), Some(Duration::ZERO));
        assert_eq!(take(10_000), Some(Duration::ZERO));
    }
}
