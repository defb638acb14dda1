//! How often one address may try to join with a token that is none. Those with a good token are not
//! counted, and not held up: behind one address are many hosts.

use crate::serve::grpc::Bucket;
use crate::serve::places::network;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failed attempts of one address a second, over time.
const PER_SECOND: u32 = 1;
/// Failed attempts of one address at once: a host that starts has several proxies.
const BURST: u32 = 10;
/// Addresses that are remembered. While there are so many that all have tried lately, others wait.
const ADDRESSES: usize = 10_000;
/// After which time an address may try as if it never had.
const FORGOTTEN: Duration = Duration::from_secs(BURST as u64 / PER_SECOND as u64);
/// How often those that are forgotten are looked for, at most.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The failed attempts to join, by where they come from.
#[derive(Debug, Default)]
pub(in crate::serve) struct Attempts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The bucket of each address, and when it was last asked.
    by: BTreeMap<IpAddr, (Bucket, Instant)>,
    /// When those that are forgotten were last looked for.
    swept: Option<Instant>,
}

impl Attempts {
    /// Counts an attempt that failed. An error says how long to wait before the next one.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(address);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { by, swept } = &mut *known;
        if !by.contains_key(&address) && by.len() >= ADDRESSES {
            // Not for each of a flood.
            if swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY) {
                *swept = Some(now);
                by.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGOTTEN);
            }
            if by.len() >= ADDRESSES {
                return Err(FORGOTTEN);
            }
        }
        let fresh = || (Bucket::new(PER_SECOND, BURST, now), now);
        let (bucket, last) = by.entry(address).or_insert_with(fresh);
        *last = now;
        let wait = Duration::from_secs(1) / PER_SECOND;
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
        let (attempts, start) = (Attempts::default(), Instant::now());
        let a_try =
            |from: &str, ms| attempts.failed(ip(from), start + Duration::from_millis(ms)).is_ok();
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
        let (attempts, start) = (Attempts::default(), Instant::now());
        let from = |n: usize| IpAddr::from(u32::try_from(n).expect("a small number").to_be_bytes());
        for n in 0..ADDRESSES {
            assert!(attempts.failed(from(n), start).is_ok());
        }
        for n in ADDRESSES..2 * ADDRESSES {
            assert_eq!(attempts.failed(from(n), start), Err(FORGOTTEN));
        }
        let len = || attempts.0.lock().expect("a lock").by.len();
        assert_eq!(len(), ADDRESSES);
        assert!(attempts.failed(from(1), start).is_ok(), "who is known is not held up");
        assert!(attempts.failed(from(ADDRESSES), start + FORGOTTEN).is_ok());
        assert_eq!(len(), 1);
    }
}
