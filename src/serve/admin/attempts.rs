//! How often one address may try credentials that do not count, and one operator what it may not do.
//! Requests that are let in are not counted, and not held up: behind one address are many hosts.

use crate::serve::grpc::Bucket;
use crate::serve::places::network;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many seconds' worth may fail at once: a host that starts has several proxies.
const BURST: u32 = 10;
/// How many are remembered. While there are so many that all have tried lately, others wait.
const MOST: usize = 10_000;
/// After which time one may try as if it never had.
const FORGOTTEN: Duration = Duration::from_secs(BURST as u64);
/// How often those that are forgotten are looked for, at most.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Failed attempts, by who made them.
#[derive(Debug)]
pub(in crate::serve) struct Attempts<K> {
    per_second: u32,
    known: Mutex<Known<K>>,
}

#[derive(Debug)]
struct Known<K> {
    /// The bucket of each, and when it was last asked.
    by: BTreeMap<K, (Bucket, Instant)>,
    /// When those that are forgotten were last looked for.
    swept: Option<Instant>,
}

impl Attempts<IpAddr> {
    /// Counts an attempt from an address that failed. An error says how long to wait before the next
    /// one.
    pub(in crate::serve) fn failed_from(
        &self,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        self.failed(network(address), now)
    }
}

impl<K: Ord> Attempts<K> {
    /// So many may fail a second over time; 0: any number.
    pub(in crate::serve) fn new(per_second: u32) -> Self {
        Self { per_second, known: Mutex::new(Known { by: BTreeMap::new(), swept: None }) }
    }

    /// Counts one that failed. An error says how long to wait before the next one.
    pub(in crate::serve) fn failed(&self, who: K, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Ok(());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { by, swept } = &mut *known;
        if !by.contains_key(&who) && by.len() >= MOST {
            // Not for each of a flood.
            if swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY) {
                *swept = Some(now);
                by.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGOTTEN);
            }
            if by.len() >= MOST {
                return Err(FORGOTTEN);
            }
        }
        let burst = self.per_second.saturating_mul(BURST);
        let fresh = || (Bucket::new(self.per_second, burst, now), now);
        let (bucket, last) = by.entry(who).or_insert_with(fresh);
        *last = now;
        let wait = Duration::from_secs(1) / self.per_second;
        bucket.take(now, Duration::ZERO).map(|_| ()).ok_or(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_may_fail_ten_times_and_then_once_a_second() {
        let (attempts, start) = (Attempts::new(1), Instant::now());
        let a_try = |from: &str, ms| {
            attempts.failed_from(ip(from), start + Duration::from_millis(ms)).is_ok()
        };
        assert!((0..BURST).all(|_| a_try("10.0.0.1", 0)));
        assert!((0..100 * BURST).all(|_| !a_try("10.0.0.1", 0)));
        assert!(a_try("10.0.0.2", 0), "another address");
        assert!(!a_try("::ffff:10.0.0.1", 900), "the same in other words");
        assert!(a_try("10.0.0.1", 1_000) && !a_try("10.0.0.1", 1_000));
        assert!((0..BURST).all(|_| a_try("10.0.0.1", 60_000)));
        assert!((0..BURST).all(|n| a_try(&format!("2001:db8::{n}"), 0)));
        assert!(!a_try("2001:db8::ffff", 0), "one host has many of these");
        assert!(a_try("2001:db8:0:1::1", 0));
    }

    #[test]
    fn so_many_addresses_are_remembered_and_no_more() {
        let (attempts, start) = (Attempts::new(1), Instant::now());
        let from = |n: usize| IpAddr::from(u32::try_from(n).expect("a small number").to_be_bytes());
        for n in 0..MOST {
            assert!(attempts.failed_from(from(n), start).is_ok());
        }
        for n in MOST..2 * MOST {
            assert_eq!(attempts.failed_from(from(n), start), Err(FORGOTTEN));
        }
        let len = || attempts.known.lock().expect("a lock").by.len();
        assert_eq!(len(), MOST);
        assert!(attempts.failed_from(from(1), start).is_ok(), "who is known is not held up");
        assert!(attempts.failed_from(from(MOST), start + FORGOTTEN).is_ok());
        assert_eq!(len(), 1);
    }

    #[test]
    fn names_are_counted_as_addresses_are_and_0_counts_nothing() {
        let (attempts, now) = (Attempts::new(3), Instant::now());
        let a_try = |who: &str| attempts.failed(who.to_owned(), now).is_ok();
        assert!((0..30).all(|_| a_try("ada")));
        assert!((0..3_000).all(|_| !a_try("ada")));
        assert!(a_try("bob"));
        let free = Attempts::new(0);
        assert!((0..3_000).all(|_| free.failed("ada", now).is_ok()));
    }
}
