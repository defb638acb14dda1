//! A mesh on a control plane as a target: read and changed by its admin API.
//!
//! Reading asks for the manifest, and then for the objects that the caller does not have: of a
//! large mesh in which little differs, little is sent. Changing is one request that names itself by
//! a key; what happens comes back line by line, and whoever loses the connection asks again with
//! the same key.

mod client;
pub mod joining;
mod place;
pub mod registered;
pub mod wire;

pub use client::{Access, Follow, TokenSource, new_key};
pub use place::Place;

use super::{Error, ProxyFiles, Read, State};
use crate::envoy::ProxyId;
use crate::model::MeshName;
use crate::revision::{Header, Live, Manifest, ObjectId, join};
use client::Client;
use registered::RegistryDocument;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use wire::{
    ApplyRequest, ObjectsDocument, ObjectsRequest, ProxiesDocument, ServerDocument, StateDocument,
};

/// A mesh on a control plane.
#[derive(Debug)]
pub struct Server {
    client: Client,
    mesh: MeshName,
    /// Objects that need not be asked for.
    known: Mutex<BTreeMap<ObjectId, Value>>,
}

impl Server {
    /// The mesh of this name on the server. Nothing is asked yet.
    pub fn new(access: &Access, mesh: MeshName) -> Result<Self, Error> {
        Ok(Self { client: Client::new(access)?, mesh, known: Mutex::default() })
    }

    /// Gives it objects that it then does not ask the server for.
    pub fn know(&self, objects: impl IntoIterator<Item = (ObjectId, Value)>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
    }

    /// What the server is.
    pub fn server(&self) -> Result<ServerDocument, Error> {
        self.client.get("/v1")
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/meshes/{}{rest}", self.mesh)
    }

    /// The proxies of the mesh, and who is connected as them.
    pub fn connected(&self) -> Result<ProxiesDocument, Error> {
        self.client.get(&self.path("/proxies"))
    }

    /// What is registered for the mesh; nothing on a server that has no registry yet.
    pub fn registry(&self) -> Result<RegistryDocument, Error> {
        match self.client.get(&self.path("/registry")) {
            Err(Error::Api { problem, .. }) if problem.code == "not-found" => {
                Ok(Default::default())
            }
            other => other,
        }
    }

    /// Asks for something to be done, and follows it.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<Follow, Error> {
        self.client.follow(&self.path("/applies"), &request.key, Some(request)).await
    }

    /// Follows what was asked for under a key, from its beginning; `None` if nothing was.
    pub async fn find(&self, key: &str) -> Result<Option<Follow>, Error> {
        match self.client.follow(&self.path("/applies"), key, None).await {
            Err(Error::Api { problem, .. }) if problem.code == "unknown-key" => Ok(None),
            other => other.map(Some),
        }
    }

    /// Whether something was asked for under a key, or has become a revision under it.
    pub fn knows(&self, key: &str) -> Result<bool, Error> {
        match self.client.begin(&self.path(&format!("/applies/{key}"))) {
            Ok(()) => Ok(true),
            Err(Error::Api { problem, .. }) if problem.code == "landed" => Ok(true),
            Err(Error::Api { problem, .. })
                if ["unknown-key", "not-found"].contains(&problem.code.as_str()) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn live(&self, manifest: &Manifest) -> Result<Live, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: BTreeSet<ObjectId> = manifest
            .entries
            .values()
            .map(|entry| entry.object.clone())
            .filter(|id| !known.contains_key(id))
            .collect();
        if !wanted.is_empty() {
            let request = ObjectsRequest { ids: wanted };
            let found: ObjectsDocument = self.client.post(&self.path("/objects"), &request)?;
            for (id, object) in found.objects {
                if ObjectId::of(&object) != id {
                    return Err(self.odd(format!("the object {id} is not what its name says")));
                }
                known.insert(id, object);
            }
        }
        let mut resources = BTreeMap::new();
        for (address, entry) in &manifest.entries {
            let Some(object) = known.get(&entry.object) else {
                return Err(self.odd(format!("it does not have the object of {address}")));
            };
            resources.insert(address.clone(), object.clone());
        }
        let mesh = join(&resources).map_err(|error| self.odd(error.to_string()))?;
        let revision = Some(manifest.revision);
        Ok(Live { revision, mesh, entries: manifest.entries.clone() })
    }

    fn odd(&self, why: String) -> Error {
        Error::Odd { server: self.client.base().to_owned(), why }
    }
}

impl Read for Server {
    fn place(&self) -> String {
        self.client.base().to_owned()
    }

    fn state(&self) -> Result<State, Error> {
        let found: StateDocument = self.client.get(&self.path("/state"))?;
        let live = match &found.manifest {
            Some(manifest) => self.live(manifest)?,
            None => Live::default(),
        };
        Ok(State { live, rollout: found.rollout, in_force: found.in_force })
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        match self.client.get::<Manifest>(&self.path(&format!("/revisions/{revision}"))) {
            Ok(manifest) => self.live(&manifest),
            Err(Error::Api { problem, .. }) if problem.code == "no-revision" => {
                let newest = self.history()?.first().map(|header| header.revision);
                Err(Error::NoRevision { revision, newest })
            }
            Err(error) => Err(error),
        }
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.client.get(&self.path("/revisions"))
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        let found = self.connected()?.proxies;
        Ok(found.into_iter().map(|status| status.proxy).collect())
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        self.client.get(&self.path(&format!("/proxies/{proxy}/files")))
    }
}
