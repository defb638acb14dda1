//! Operators, join tokens and revocations: in memory for every request, in the store for every
//! change.
//!
//! ```text
//!  operator, token ──> store ──> memory        what exits 0 is kept
//!  revocation ──> memory ──> streams end ──> store        it counts although the disk fails
//! ```
//!
//! One process has the store open, so changes need no other lock than this one.

use super::certificates::unix;
use super::secret::{PREFIX, bytes, hash, random};
use crate::envoy::ProxyId;
use crate::model::MeshName;
use crate::store::security::{Change, JoinToken, Operator, ProxyKey, Security as State, Standing};
use crate::store::{Error, Store};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

/// What every join token begins with.
const JOIN_PREFIX: &str = "join_";
/// Join tokens that may be there at once.
const MOST_TOKENS: usize = 10_000;
/// Operators that may be there at once.
const MOST_OPERATORS: usize = 10_000;

/// Why a change was not made.
#[derive(Debug)]
pub enum Refused {
    /// The store did not take it.
    Store(Error),
    /// The system gives no random numbers.
    Random(io::Error),
    /// It does not fit what is there.
    Unfit(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Random(error) => error.fmt(f),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::Random(error) => error.source(),
            Self::Unfit(_) => None,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// A join token that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    /// The secret, which is kept nowhere else.
    pub(super) secret: String,
    /// When it expires, in seconds since 1970.
    pub(super) until: i64,
}

/// Who may do what now.
#[derive(Default)]
pub struct Security {
    store: Option<Arc<dyn Store>>,
    lineage: String,
    state: RwLock<State>,
    /// Revocations that are in memory and not in the store yet, the oldest first.
    unwritten: Mutex<Vec<Change>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security").finish_non_exhaustive()
    }
}

impl Security {
    /// That of a store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(store: Arc<dyn Store>) -> Result<Self, Error> {
        let state = RwLock::new(store.security()?);
        Ok(Self { lineage: store.lineage(), store: Some(store), state, ..Self::default() })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritten(&self) -> MutexGuard<'_, Vec<Change>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes that are decided by what is there; they are in the store when this returns.
    fn change<T>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T), Refused>,
    ) -> Result<T, Refused> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, result) = decide(&self.read())?;
        self.write(&changes)?;
        let mut state = self.state_mut();
        changes.into_iter().for_each(|change| state.apply(change));
        Ok(result)
    }

    /// Writes changes to the store, after those that it still lacks. The caller holds `changing`.
    fn write(&self, changes: &[Change]) -> Result<(), Error> {
        let lacking = self.unwritten().clone();
        let all: Vec<Change> = lacking.iter().chain(changes).cloned().collect();
        if let Some(store) = &self.store
            && !all.is_empty()
        {
            store.secure(&all)?;
        }
        self.unwritten().drain(..lacking.len());
        Ok(())
    }

    /// Writes what the store lacks.
    pub(super) fn flush(&self) -> Result<(), Error> {
        if self.unwritten().is_empty() {
            return Ok(());
        }
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&[])
    }

    /// How many revocations are not in the store yet.
    pub(super) fn lacking(&self) -> usize {
        self.unwritten().iter().filter(|change| matches!(change, Change::Proxy(..))).count()
    }
}

/// Operators.
impl Security {
    /// Whether there ever was one.
    pub(super) fn has_begun(&self) -> bool {
        let state = self.read();
        state.begun || !state.operators.is_empty()
    }

    /// All of them by name.
    pub fn operators(&self) -> BTreeMap<String, Operator> {
        self.read().operators.clone()
    }

    /// Makes an operator, or replaces one. A certificate is of one operator.
    ///
    /// # Errors
    /// Another has the certificate, there are too many, or the store did not take it.
    pub fn put_operator(&self, name: &str, operator: Operator) -> Result<(), Refused> {
        self.change(|state| {
            if let Some(uri) = &operator.certificate
                && let Some((other, _)) = certified(state, uri)
                && other != name
            {
                let why = format!("the certificate {uri} is that of the operator {other}");
                return Err(Refused::Unfit(why));
            }
            if !state.operators.contains_key(name) && state.operators.len() >= MOST_OPERATORS {
                let why = format!("there are {MOST_OPERATORS} operators already");
                return Err(Refused::Unfit(why));
            }
            Ok((vec![Change::Operator(name.to_owned(), Some(operator))], ()))
        })
    }

    /// Removes an operator; says whether there was one of this name.
    ///
    /// # Errors
    /// The store did not take it.
    pub fn remove_operator(&self, name: &str) -> Result<bool, Refused> {
        self.change(|state| {
            let there = state.operators.contains_key(name);
            let change = there.then(|| Change::Operator(name.to_owned(), None));
            Ok((change.into_iter().collect(), there))
        })
    }

    /// Who has this secret.
    pub fn operator(&self, secret: &str) -> Option<(String, Operator)> {
        let hash = hash(secret);
        let state = self.read();
        // Hashes are compared: how long it takes tells nothing about the secret.
        let mut all = state.operators.iter();
        let found = all.find(|(_, known)| known.sha256.as_ref() == Some(&hash))?;
        Some((found.0.clone(), found.1.clone())).filter(|(_, known)| !known.is_expired(now()))
    }

    /// Whose certificate has this SPIFFE URI.
    pub fn certified(&self, uri: &str) -> Option<(String, Operator)> {
        let state = self.read();
        let found = certified(&state, uri).filter(|(_, known)| !known.is_expired(now()));
        found.map(|(name, known)| (name.to_owned(), known.clone()))
    }

    /// Has an operator be valid for its whole life again from now on. Gives when it expires then, in
    /// seconds since 1970: `Some(None)` is never, `None`: there is no such operator. One that has
    /// expired is renewed only where `expired` says so.
    ///
    /// # Errors
    /// The store did not take it.
    pub fn renew_operator(
        &self,
        name: &str,
        expired: bool,
    ) -> Result<Option<Option<i64>>, Refused> {
        self.change(|state| {
            let found = state.operators.get(name);
            let Some(known) = found.filter(|known| expired || !known.is_expired(now())) else {
                return Ok((Vec::new(), None));
            };
            let life = known.life_s.map(|life| i64::try_from(life).unwrap_or(i64::MAX));
            let until = life.map(|life| now().saturating_add(life));
            let renewed = Operator { until, ..known.clone() };
            Ok((vec![Change::Operator(name.to_owned(), Some(renewed))], Some(until)))
        })
    }
}

/// This moment, in seconds since 1970.
fn now() -> i64 {
    unix(SystemTime::now())
}

fn certified<'a>(state: &'a State, uri: &str) -> Option<(&'a str, &'a Operator)> {
    let mut all = state.operators.iter();
    let found = all.find(|(_, known)| known.certificate.as_deref() == Some(uri))?;
    Some((found.0, found.1))
}

/// Join tokens.
impl Security {
    /// Makes a join token.
    pub(super) fn make_token(
        &self,
        mesh: &MeshName,
        proxies: &str,
        life: Duration,
        by: &str,
    ) -> Result<Made, Refused> {
        let id = random::<6>().map_err(Refused::Random)?;
        let secret = random::<24>().map_err(Refused::Random)?;
        let secret = format!("{PREFIX}{JOIN_PREFIX}{secret}");
        let now = SystemTime::now();
        let until = unix(now + life);
        self.change(|state| {
            let ended = |token: &JoinToken| token.until <= unix(now);
            let mut changes: Vec<Change> = Vec::new();
            for (old, _) in state.join_tokens.iter().filter(|(_, token)| ended(token)) {
                changes.push(Change::JoinToken(old.clone(), None));
            }
            if state.join_tokens.len() - changes.len() >= MOST_TOKENS {
                let why = format!("there are {MOST_TOKENS} join tokens that were not used");
                return Err(Refused::Unfit(why));
            }
            let token = JoinToken {
                mesh: mesh.clone(),
                proxies: proxies.to_owned(),
                sha256: hash(&secret),
                until,
                by: by.to_owned(),
                generation: state.generation(),
            };
            changes.push(Change::JoinToken(id.clone(), Some(token)));
            Ok((changes, ()))
        })?;
        Ok(Made { id, secret, until })
    }

    /// The token with this secret, if it has not expired.
    pub(super) fn token(&self, secret: &str) -> Option<(String, JoinToken)> {
        let hash = hash(secret);
        let state = self.read();
        // Hashes are compared: how long it takes tells nothing about the secret.
        let (id, token) = state.join_tokens.iter().find(|(_, token)| token.sha256 == hash)?;
        (token.until > now()).then(|| (id.clone(), token.clone()))
    }

    /// Those of a mesh that have not expired, by their ids.
    pub(super) fn tokens_of(&self, mesh: &MeshName) -> Vec<(String, JoinToken)> {
        let state = self.read();
        let now = now();
        let own = state.join_tokens.iter().filter(|(_, t)| t.mesh == *mesh && t.until > now);
        own.map(|(id, token)| (id.clone(), token.clone())).collect()
    }

    /// Removes an unused one of a mesh; gives it back if it was there.
    pub(super) fn remove_token(
        &self,
        mesh: &MeshName,
        id: &str,
    ) -> Result<Option<JoinToken>, Refused> {
        self.change(|state| {
            let found = state.join_tokens.get(id).filter(|token| token.mesh == *mesh).cloned();
            let change = found.is_some().then(|| Change::JoinToken(id.to_owned(), None));
            Ok((change.into_iter().collect(), found))
        })
    }

    /// Uses one up for a proxy. `false`: it was used, has expired, or the proxy was revoked after it
    /// was made. Of all who try at once, one gets it.
    pub(super) fn use_token(&self, id: &str, proxy: &ProxyId) -> Result<bool, Refused> {
        self.change(|state| {
            let now = now();
            let valid = state.join_tokens.get(id).is_some_and(|token| {
                let key = (token.mesh.to_string(), proxy.clone());
                token.until > now && state.standing(&key).generation <= token.generation
            });
            let change = valid.then(|| Change::JoinToken(id.to_owned(), None));
            Ok((change.into_iter().collect(), valid))
        })
    }
}

/// How a certificate was issued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued<'a> {
    /// By the authority of this server.
    pub(super) own: bool,
    /// Its serial number.
    pub(super) serial: &'a [u8],
}

/// What the serial numbers of this server's certificates begin with. It tells them from those that
/// other tools issue with the same key.
const SERIAL: &[u8] = b"mc";

/// Revocations.
impl Security {
    /// Revokes a proxy, in memory. The caller ends its streams and then calls [`Self::flush`].
    pub(super) fn revoke(&self, key: &ProxyKey) {
        let mut state = self.state_mut();
        let standing = Standing { generation: state.generation() + 1, denied: true };
        let (mesh, proxy) = (&key.0, key.1.to_string());
        let own = state.join_tokens.iter();
        let own = own.filter(|(_, t)| t.mesh.as_str() == mesh && t.proxies == proxy);
        let mut changes: Vec<Change> =
            own.map(|(id, _)| Change::JoinToken(id.clone(), None)).collect();
        changes.push(Change::Proxy(key.clone(), standing));
        changes.iter().for_each(|change| state.apply(change.clone()));
        // While the state is locked: two revocations stand in the order of their generations.
        self.unwritten().extend(changes);
    }

    /// Accepts certificates of a proxy again that this server did not issue. Says whether they were
    /// rejected.
    pub(super) fn allow(&self, key: &ProxyKey) -> Result<bool, Refused> {
        self.change(|state| {
            let standing = state.standing(key);
            let allowed = Standing { denied: false, ..standing };
            let change = standing.denied.then(|| Change::Proxy(key.clone(), allowed));
            Ok((change.into_iter().collect(), standing.denied))
        })
    }

    /// The generation that certificates of a proxy have now.
    pub(super) fn generation(&self, key: &ProxyKey) -> u64 {
        self.read().standing(key).generation
    }

    /// The generation of a certificate of a proxy; `None`: it was revoked, or was issued before the
    /// store was restored from a backup.
    pub(super) fn accepts(&self, key: &ProxyKey, issued: &Issued<'_>) -> Option<u64> {
        let standing = self.read().standing(key);
        match self.tag(issued) {
            Tag::Own(generation) => (generation == standing.generation).then_some(generation),
            Tag::Former => None,
            Tag::None => (!standing.denied).then_some(standing.generation),
        }
    }

    fn tag(&self, issued: &Issued<'_>) -> Tag {
        let Some(rest) = issued.serial.strip_prefix(SERIAL).filter(|_| issued.own) else {
            return Tag::None;
        };
        let Some((store, rest)) = rest.split_first_chunk::<6>() else { return Tag::None };
        match rest.split_first_chunk::<4>() {
            Some((generation, random)) if random.len() == 8 => match *store == self.mark() {
                true => Tag::Own(u32::from_be_bytes(*generation).into()),
                false => Tag::Former,
            },
            _ => Tag::None,
        }
    }

    /// The serial number of a certificate of a generation: which store issued it, the generation,
    /// and 64 random bits.
    pub(super) fn serial(&self, generation: u64) -> io::Result<Vec<u8>> {
        let generation = u32::try_from(generation)
            .map_err(|_| io::Error::other("there are no more generations"))?;
        let random = bytes::<8>()?;
        Ok([SERIAL, &self.mark(), &generation.to_be_bytes(), &random].concat())
    }

    /// What tells certificates of this store from those of another: a restored store is another.
    fn mark(&self) -> [u8; 6] {
        let [a, b, c, d, e, f, ..]: [u8; 32] = Sha256::digest(self.lineage.as_bytes()).into();
        [a, b, c, d, e, f]
    }
}

/// What a serial number tells.
enum Tag {
    /// Issued by this server, of this generation.
    Own(u64),
    /// Issued by this server from another store.
    Former,
    /// Issued otherwise.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ProxyKey {
        ("m".to_owned(), format!("virtual_node/{name}").parse().expect("a proxy"))
    }

    #[test]
    fn a_change_that_was_decided_before_a_removal_does_not_undo_it() {
        use std::sync::mpsc::channel;
        let folder = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> =
            Arc::new(crate::store::Embedded::open_or_create(folder.path()).expect("a store"));
        let security = Security::of(Arc::clone(&store)).expect("a state");
        let mallory = Operator {
            role: crate::store::security::Role::Write,
            sha256: Some(hash("secret")),
            certificate: None,
            created: String::new(),
            scope: crate::store::security::Scope::default(),
            until: None,
            life_s: None,
        };
        security.put_operator("mallory", mallory).expect("a change");
        let (decides, decided) = channel();
        let (removed, removes) = channel();
        std::thread::scope(|scope| {
            let security = &security;
            scope.spawn(move || {
                // As a renewal: it writes what it has read, and in between comes the removal.
                let renewed = security.change(|state| {
                    let known = state.operators.get("mallory").cloned();
                    decides.send(()).expect("the other thread");
                    let _ = removes.recv_timeout(Duration::from_millis(200));
                    Ok((vec![Change::Operator("mallory".to_owned(), known)], ()))
                });
                renewed.expect("a change");
            });
            decided.recv().expect("a renewal");
            assert!(security.remove_operator("mallory").expect("a change"));
            let _ = removed.send(());
        });
        assert!(security.operators().is_empty(), "in memory");
        assert!(store.security().expect("a state").operators.is_empty(), "and in the store");
    }

    #[test]
    fn a_revocation_ends_all_generations_so_far_and_no_later_one() {
        let security = Security::default();
        let serial = |name| security.serial(security.generation(&key(name))).expect("a serial");
        let counts = |name, serial: &[u8]| {
            security.accepts(&key(name), &Issued { own: true, serial }).is_some()
        };
        let (first, other) = (serial("a"), serial("b"));
        assert_eq!(first.len(), 20, "as long as a serial number may be");
        assert!(counts("a", &first) && counts("b", &other));
        security.revoke(&key("a"));
        let second = serial("a");
        assert!(!counts("a", &first) && counts("a", &second) && counts("b", &other));
        security.revoke(&key("b"));
        security.revoke(&key("a"));
        assert!(!counts("a", &second) && counts("a", &serial("a")) && !counts("b", &other));
    }

    #[test]
    fn certificates_of_others_are_denied_until_they_are_allowed() {
        let security = Security::default();
        let counts =
            |own, serial: &[u8]| security.accepts(&key("a"), &Issued { own, serial }).is_some();
        let own = security.serial(0).expect("a serial");
        assert!(counts(false, b"any") && counts(true, b"of another tool"));
        assert!(counts(false, &own), "of another authority the serial says nothing");
        security.revoke(&key("a"));
        assert!(!counts(false, b"any") && !counts(true, b"of another tool"));
        assert!(!counts(false, &own) && !counts(true, &own));
        assert!(security.allow(&key("a")).expect("no store"));
        assert!(counts(false, b"any") && !counts(true, &own), "own ones have ended for good");
        assert!(!security.allow(&key("a")).expect("no store"));
    }

    #[test]
    fn a_certificate_of_another_store_does_not_count() {
        let of = |lineage: &str| Security { lineage: lineage.to_owned(), ..Security::default() };
        let (before, after) = (of("one"), of("another"));
        let serial = before.serial(0).expect("a serial");
        let issued = Issued { own: true, serial: &serial };
        assert!(before.accepts(&key("a"), &issued).is_some());
        assert!(after.accepts(&key("a"), &issued).is_none());
    }

    #[test]
    fn a_join_token_is_for_no_proxy_that_was_revoked_after_it_was_made() {
        let security = Security::default();
        let mesh = MeshName::new("m").expect("a name");
        let make = |proxies: &str| {
            let life = Duration::from_secs(60);
            security.make_token(&mesh, proxies, life, "test").expect("a token")
        };
        let (own, some) = (make("virtual_node/a"), make("virtual_node/*"));
        security.revoke(&key("a"));
        assert!(security.token(&own.secret).is_none(), "it is removed");
        assert!(security.token(&some.secret).is_some());
        let uses = |id: &str, name: &str| security.use_token(id, &key(name).1).expect("no store");
        assert!(!uses(&some.id, "a") && uses(&some.id, "b") && !uses(&some.id, "b"));
        let later = make("virtual_node/a");
        assert!(uses(&later.id, "a"));
    }
}
