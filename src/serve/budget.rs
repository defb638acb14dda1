//! How much memory one identity may have the server hold, over all of its streams: of names and other
//! texts that it chose, and of requests that are on their way. Limits of single streams have no
//! product: of each there may be any number.
//!
//! What is beyond the budget of names ends the stream that asked for it. Requests wait until there is
//! room for all of their bytes, before the first is read, so that one that is let in can always end.

use super::identity::Identity;
use super::limits::Limits;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Table = Arc<Mutex<BTreeMap<Identity, Weak<Account>>>>;

/// The budgets of a server, one for each identity that has something.
#[derive(Debug)]
pub(super) struct Budgets {
    names: usize,
    requests: usize,
    by: Table,
}

/// What one identity has.
#[derive(Debug)]
pub(super) struct Account {
    identity: Identity,
    /// Bytes of names that its streams may keep.
    most: usize,
    kept: AtomicUsize,
    /// A permit a byte.
    requests: Arc<Semaphore>,
    /// How many permits there are.
    all: usize,
    table: Table,
}

/// What one stream keeps of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    account: Arc<Account>,
    bytes: AtomicUsize,
}

fn lock(table: &Table) -> MutexGuard<'_, BTreeMap<Identity, Weak<Account>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Budgets {
    /// Those of a server with these limits.
    pub(super) fn new(limits: &Limits) -> Self {
        let requests = limits.identity_request_bytes.min(Semaphore::MAX_PERMITS);
        Self { names: limits.identity_bytes, requests, by: Table::default() }
    }

    /// That of an identity.
    pub(super) fn of(&self, identity: &Identity) -> Arc<Account> {
        let mut by = lock(&self.by);
        if let Some(account) = by.get(identity).and_then(Weak::upgrade) {
            return account;
        }
        let account = Arc::new(Account {
            identity: identity.clone(),
            most: self.names,
            kept: AtomicUsize::new(0),
            requests: Arc::new(Semaphore::new(self.requests)),
            all: self.requests,
            table: Arc::clone(&self.by),
        });
        by.insert(identity.clone(), Arc::downgrade(&account));
        account
    }

    /// How many identities have one, and how many bytes are held in all.
    pub(super) fn held(&self) -> (usize, usize) {
        let accounts: Vec<_> = lock(&self.by).values().filter_map(Weak::upgrade).collect();
        (accounts.len(), accounts.iter().map(|account| account.held()).sum())
    }
}

impl Account {
    /// Bytes of names and of requests.
    fn held(&self) -> usize {
        let requests = self.all.saturating_sub(self.requests.available_permits());
        self.kept.load(Ordering::Relaxed) + requests
    }

    /// A stream that keeps nothing yet.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { account: Arc::clone(self), bytes: AtomicUsize::new(0) }
    }

    /// Room for a request, as soon as there is some; one that is larger than all gets all.
    pub(super) fn request(
        &self,
        bytes: usize,
    ) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + 'static {
        let requests = Arc::clone(&self.requests);
        let bytes = u32::try_from(bytes.min(self.all)).unwrap_or(u32::MAX);
        // It is never closed.
        async move { requests.acquire_many_owned(bytes).await.ok() }
    }

    /// How many bytes requests may have.
    pub(super) fn all(&self) -> usize {
        self.all
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let mut by = lock(&self.table);
        // Another may have come in its place.
        if by.get(&self.identity).is_some_and(|account| account.strong_count() == 0) {
            by.remove(&self.identity);
        }
    }
}

impl Share {
    /// The stream keeps so many bytes now.
    ///
    /// # Errors
    /// All streams of the identity would keep more than they may, which is so many; nothing changed.
    pub(super) fn resize(&self, bytes: usize) -> Result<(), usize> {
        let had = self.bytes.load(Ordering::Relaxed);
        let most = self.account.most;
        let change =
            |kept: usize| Some(kept - had + bytes).filter(|kept| bytes <= had || *kept <= most);
        self.account
            .kept
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .map_err(|_| most)?;
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.account.kept.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn budgets() -> Budgets {
        let (identity_bytes, identity_request_bytes) = (100, 50);
        Budgets::new(&Limits { identity_bytes, identity_request_bytes, ..Limits::default() })
    }

    #[test]
    fn streams_of_an_identity_share_a_budget_of_names_that_is_freed() {
        let budgets = budgets();
        let (a, b) = (Identity::Token("a".to_owned()), Identity::Token("b".to_owned()));
        let mut shares: Vec<Share> = (0..3).map(|_| budgets.of(&a).share()).collect();
        let other = budgets.of(&b).share();
        assert_eq!(shares[0].resize(60), Ok(()));
        assert_eq!(shares[1].resize(40), Ok(()), "at the limit");
        assert_eq!(shares[2].resize(1), Err(100), "one beyond");
        assert!((0..100).all(|_| shares[2].resize(100) == Err(100)));
        assert_eq!(other.resize(100), Ok(()), "of another");
        assert_eq!(budgets.held(), (2, 200));
        assert_eq!(shares[0].resize(59), Ok(()));
        assert_eq!(shares[2].resize(1), Ok(()));
        // One stream ends, and what it kept is free for the others.
        shares.remove(1);
        assert_eq!(budgets.held(), (2, 160));
        assert_eq!(shares[1].resize(41), Ok(()));
        drop(shares);
        assert_eq!(budgets.held(), (1, 100));
        drop(other);
        assert_eq!(budgets.held(), (0, 0));
        assert!(lock(&budgets.by).is_empty());
    }

    #[test]
    fn requests_of_an_identity_wait_for_room() {
        let budgets = budgets();
        let account = budgets.of(&Identity::Loopback);
        let first = account.request(50).now_or_never();
        assert!(first.is_some());
        assert_eq!(budgets.held(), (1, 50));
        let waiting = account.request(1);
        assert!((0..100).all(|_| account.request(1).now_or_never().is_none()));
        let other = budgets.of(&Identity::Token("b".to_owned()));
        assert!(other.request(5_000).now_or_never().is_some(), "all of it");
        drop(first);
        assert!(waiting.now_or_never().is_some());
        assert_eq!(budgets.held().1, 0);
    }
}
