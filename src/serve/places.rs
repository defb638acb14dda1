//! How many connections there may be: counted from the moment that they are accepted, before anything
//! is spent on them, over all listeners of a server.
//!
//! A connection is a stranger's until a request on it has shown a credential that is accepted.
//! Strangers have places of their own, so that they take none of a proxy or an operator, and of these
//! only so many from one address. Where all are taken, who has been a stranger for longest has to go,
//! unless it has only just come: a valid client needs less than that to prove who it is. Until then a
//! new one is closed if its address has all of its places, else it waits in the kernel's queue.

use super::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a stranger has its place for certain.
const CERTAIN: Duration = Duration::from_secs(1);

/// The places of all connections of a server.
#[derive(Clone, Debug)]
pub struct Places {
    known: usize,
    by_token: usize,
    strangers: usize,
    by_address: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    known: usize,
    by_token: usize,
    /// In the order in which they came.
    strangers: BTreeMap<u64, Stranger>,
    by_address: BTreeMap<IpAddr, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Stranger {
    address: IpAddr,
    since: Instant,
    gone: Arc<Notify>,
}

impl State {
    fn forget(&mut self, id: u64) -> bool {
        let Some(stranger) = self.strangers.remove(&id) else { return false };
        if let Some(own) = self.by_address.get_mut(&stranger.address) {
            own.remove(&id);
            if own.is_empty() {
                self.by_address.remove(&stranger.address);
            }
        }
        true
    }

    /// Ends a stranger that has been there for long enough. `false`: it has not.
    fn evict(&mut self, id: Option<u64>, now: Instant) -> bool {
        let Some(id) = id else { return false };
        let Some(stranger) = self.strangers.get(&id) else { return false };
        if now.saturating_duration_since(stranger.since) < CERTAIN {
            return false;
        }
        stranger.gone.notify_one();
        self.forget(id)
    }
}

/// What a client has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A credential of those whom the listener is for.
    Own,
    /// The token of an operator, where proxies connect.
    Token,
}

/// As what a connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Stranger,
    Known(Shown),
    /// It has lost its place.
    Nobody,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    id: u64,
    counts: Mutex<As>,
    gone: Arc<Notify>,
}

/// Why there is no place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Its address has as many as it may have.
    Address,
    /// There are as many strangers as there may be, and all have only just come.
    All,
}

impl Places {
    /// Those of a server with these limits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            known: limits.connections,
            by_token: limits.token_connections,
            strangers: limits.strangers,
            by_address: limits.strangers_per_address,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, as a stranger.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn enter(&self, address: IpAddr, now: Instant) -> Result<Place, Full> {
        let address = network(address);
        let mut state = self.state();
        let own = state.by_address.get(&address);
        if own.is_some_and(|own| own.len() >= self.by_address) {
            let oldest = own.and_then(|own| own.first().copied());
            if !state.evict(oldest, now) {
                return Err(Full::Address);
            }
        }
        if state.strangers.len() >= self.strangers {
            let oldest = state.strangers.keys().next().copied();
            if !state.evict(oldest, now) {
                return Err(Full::All);
            }
        }
        let id = state.next;
        state.next += 1;
        let gone = Arc::new(Notify::new());
        state.strangers.insert(id, Stranger { address, since: now, gone: Arc::clone(&gone) });
        state.by_address.entry(address).or_default().insert(id);
        Ok(Place { places: self.clone(), id, counts: Mutex::new(As::Stranger), gone })
    }

    /// How many connections there are of strangers, and of who is known.
    pub fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.strangers.len(), state.known)
    }
}

impl Place {
    fn counts(&self) -> MutexGuard<'_, As> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client is known from now on. `false`: there are as many of these as there may be, and it
    /// remains a stranger.
    pub fn known(&self, shown: Shown) -> bool {
        let mut counts = self.counts();
        match *counts {
            As::Known(_) => return true,
            As::Nobody => return false,
            As::Stranger => {}
        }
        let mut state = self.places.state();
        let token = shown == Shown::Token;
        if state.known >= self.places.known || (token && state.by_token >= self.places.by_token) {
            return false;
        }
        if !state.forget(self.id) {
            // It was ended a moment ago.
            *counts = As::Nobody;
            return false;
        }
        state.known += 1;
        state.by_token += usize::from(token);
        *counts = As::Known(shown);
        true
    }

    /// Whether the client is known.
    pub fn is_known(&self) -> bool {
        matches!(*self.counts(), As::Known(_))
    }

    /// Waits until the place is another's.
    pub async fn lost(&self) {
        self.gone.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = *self.counts();
        let mut state = self.places.state();
        match counts {
            As::Stranger | As::Nobody => {
                state.forget(self.id);
            }
            As::Known(shown) => {
                state.known -= 1;
                state.by_token -= usize::from(shown == Shown::Token);
            }
        }
    }
}

/// Whom an address belongs to: a host of IPv6 has a whole /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places::new(&Limits {
            connections: 3,
            token_connections: 2,
            strangers: 5,
            strangers_per_address: 2,
            ..Limits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn strangers_have_places_of_their_own_and_so_many_from_an_address() {
        let (places, now) = (places(), Instant::now());
        let enter = |from: &str| places.enter(ip(from), now);
        let one = (enter("10.0.0.1"), enter("10.0.0.1"));
        assert!(one.0.is_ok() && one.1.is_ok());
        assert!((0..200).all(|_| matches!(enter("10.0.0.1"), Err(Full::Address))));
        assert!(enter("::ffff:10.0.0.1").is_err(), "the same in other words");
        let two = (enter("10.0.0.2"), enter("10.0.0.2"), enter("10.0.0.3"));
        assert!(two.2.is_ok());
        assert!((0..500).all(|_| matches!(enter("10.0.0.4"), Err(Full::All))));
        assert_eq!(places.count(), (5, 0));
        // Who is known leaves room for others, of the same address too.
        let place = one.0.as_ref().expect("a place");
        assert!(place.known(Shown::Own) && place.is_known());
        assert_eq!(places.count(), (4, 1));
        assert!(enter("10.0.0.1").is_ok());
        drop((one, two));
        assert_eq!(places.count(), (0, 0));
        assert!(places.state().by_address.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let (places, now) = (places(), Instant::now());
        let enter = |from: &str| places.enter(ip(from), now);
        let own = (enter("2001:db8::1"), enter("2001:db8::ffff:2"));
        assert!(own.0.is_ok() && own.1.is_ok());
        assert!(matches!(enter("2001:db8:0:0:1::3"), Err(Full::Address)));
        assert!(enter("2001:db8:0:1::1").is_ok(), "the next network");
    }

    #[tokio::test]
    async fn the_oldest_stranger_leaves_for_a_new_one_and_no_known_client_does() {
        let (places, now) = (places(), Instant::now());
        let later = now + CERTAIN;
        let first = places.enter(ip("10.0.0.1"), now).expect("a place");
        let second = places.enter(ip("10.0.0.1"), now).expect("a place");
        assert!(first.known(Shown::Own));
        let third = places.enter(ip("10.0.0.1"), now).expect("a place");
        let fourth = places.enter(ip("10.0.0.1"), later).expect("the place of the second");
        second.lost().await;
        assert!(!second.known(Shown::Own), "it has no place any more");
        assert_eq!(places.count(), (2, 1));
        drop(second);
        assert_eq!(places.count(), (2, 1));
        drop((third, fourth, first));
        assert_eq!(places.count(), (0, 0));
    }

    #[test]
    fn known_clients_have_a_number_and_those_by_token_another() {
        let (places, now) = (places(), Instant::now());
        let enter = |n: u8| places.enter(IpAddr::from([10, 0, 0, n]), now).expect("a place");
        let all: Vec<Place> = (0..5).map(enter).collect();
        assert!(all[0].known(Shown::Token) && all[1].known(Shown::Token));
        assert!(!all[2].known(Shown::Token), "two by token");
        assert!(all[2].known(Shown::Own));
        assert!(!all[3].known(Shown::Own), "three in all");
        drop(all);
        assert_eq!(places.count(), (0, 0));
        assert!(enter(1).known(Shown::Token));
    }
}
