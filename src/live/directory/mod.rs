//! The directory target: a folder that local Envoys watch, with the model's record beside.
//!
//! ```text
//!  ROOT/current            -> steps/5-2, moved by one rename; Envoys watch ROOT
//!  ROOT/steps/5-2/         one folder a proxy: lds.yaml, cds.yaml, rds/, eds/, sds/
//!  ROOT/meshctl/           the record (see `record`), and the lock of who writes
//! ```
//!
//! A kill between any two system calls leaves one step whole in force and the record telling which
//! revision it belongs to; what a killed run had begun is overwritten or removed by the next.

mod disk;
mod record;
mod step;

use super::{Commit, Error, NewStep, ProxyFiles, Read, Rollout, State, StepId, Target, Write};
use crate::envoy::ProxyId;
use crate::revision::{Header, Live};
use record::{Folder, Head};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How often a busy lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// A directory target.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

/// A directory target whose lock is held; closing the file lets it go, however the process ends.
#[derive(Debug)]
struct Locked {
    directory: Directory,
    _lock: File,
}

impl Directory {
    /// The target in a folder, which need not exist yet.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(found) if !found.is_dir() => Err(Error::NotAFolder { path: root }),
            Ok(_) => Ok(Self { root }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { root }),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(Error::NotAFolder { path: root })
            }
            Err(error) => Err(Error::io("look at", root)(error)),
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn record(&self) -> Folder {
        Folder(self.root.join("meshctl"))
    }

    fn head(&self) -> Result<Option<Head>, Error> {
        self.record().read_head()
    }

    fn current(&self) -> PathBuf {
        self.root.join("current")
    }

    /// The step that `current` points at; none if its folder is gone, so that it is written anew.
    fn in_force(&self) -> Result<Option<StepId>, Error> {
        let link = self.current();
        let to = match fs::read_link(&link) {
            Ok(to) => to,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(Error::Damaged { path: link, why: "it is not a link".to_owned() });
            }
            Err(error) => return Err(Error::io("read", link)(error)),
        };
        let step = to.strip_prefix("steps").ok().and_then(Path::to_str).and_then(StepId::parse);
        match step {
            Some(step) => Ok(step::folder(&self.root, step).is_dir().then_some(step)),
            None => {
                let why = format!("it points at {}", to.display());
                Err(Error::Damaged { path: link, why })
            }
        }
    }

    /// The folder of the step in force.
    fn folder_in_force(&self) -> Result<Option<PathBuf>, Error> {
        Ok(self.in_force()?.map(|step| step::folder(&self.root, step)))
    }
}

impl Read for Directory {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn state(&self) -> Result<State, Error> {
        // The link first: if a rollout goes on meanwhile, the head is the newer of the two, and a
        // step too few in force is what a resumed rollout can bear.
        let in_force = self.in_force()?;
        let Some(head) = self.head()? else {
            return Ok(State { in_force, ..State::default() });
        };
        if let Some(step) = in_force
            && step.revision > head.revision
        {
            let why = format!("it ends at revision {}, but step {step} is in force", head.revision);
            return Err(Error::Damaged { path: self.record().0.join("head.json"), why });
        }
        let record = self.record().read_revision(head.revision, &head.record)?;
        let live = self.record().read_live(&record)?;
        Ok(State { live, rollout: head.rollout, in_force })
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        let head = self.head()?;
        let newest = head.as_ref().map(|head| head.revision);
        let missing = Error::NoRevision { revision, newest };
        let Some(head) = head else { return Err(missing) };
        let mut history = self.record().read_history(&head)?.into_iter();
        match history.find(|record| record.manifest.revision == revision) {
            Some(record) => self.record().read_live(&record),
            None => Err(missing),
        }
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        let Some(head) = self.head()? else { return Ok(Vec::new()) };
        let all = self.record().read_history(&head)?;
        Ok(all.iter().map(|record| record.manifest.header()).collect())
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        match self.folder_in_force()? {
            Some(folder) => step::proxies(&folder),
            None => Ok(BTreeSet::new()),
        }
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        match self.folder_in_force()? {
            Some(folder) => step::files(&folder.join(proxy.to_string())),
            None => Ok(ProxyFiles::new()),
        }
    }
}

impl Target for Directory {
    fn lock(&self, patience: Duration) -> Result<Box<dyn Write>, Error> {
        let folder = self.record().0;
        disk::no_links(
            &self.root,
            &["steps", "meshctl", "meshctl/objects", "meshctl/revisions", "meshctl/lock"],
        )?;
        disk::make_folder(&folder)?;
        let path = folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let deadline = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    thread::sleep(LOCK_RETRY);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(Error::Busy { path: self.root.clone() });
                }
                Err(error) => return Err(Error::io("lock", path)(error.into())),
            }
        }
        Ok(Box::new(Locked { directory: self.clone(), _lock: file }))
    }
}

impl Read for Locked {
    fn place(&self) -> String {
        self.directory.place()
    }

    fn state(&self) -> Result<State, Error> {
        self.directory.state()
    }

    fn at(&self, revision: u64) -> Result<Live, Error> {
        self.directory.at(revision)
    }

    fn history(&self) -> Result<Vec<Header>, Error> {
        self.directory.history()
    }

    fn proxies(&self) -> Result<BTreeSet<ProxyId>, Error> {
        self.directory.proxies()
    }

    fn files(&self, proxy: &ProxyId) -> Result<ProxyFiles, Error> {
        self.directory.files(proxy)
    }
}

impl Write for Locked {
    fn commit(&mut self, commit: &Commit) -> Result<(), Error> {
        let head = self.directory.head()?;
        let found = head.as_ref().map(|head| head.revision);
        if found != commit.manifest.parent {
            return Err(Error::Stale { expected: commit.manifest.parent, found });
        }
        if let Some(head) = &head
            && head.mesh != commit.manifest.mesh
        {
            let wanted = commit.manifest.mesh.clone();
            return Err(Error::OtherMesh { found: head.mesh.clone(), wanted });
        }
        self.directory.record().commit(head.as_ref(), commit)?;
        Ok(())
    }

    fn put(&mut self, step: &NewStep<'_>) -> Result<(), Error> {
        let root = &self.directory.root;
        let before = self.directory.in_force()?;
        if before == Some(step.id) {
            // A killed run had moved the link and not yet said so; the folder is whole.
            return Ok(());
        }
        step::write(root, before, step)?;
        let link = self.directory.current();
        let part = self.directory.record().0.join("current.part");
        disk::relink(&link, &part, &Path::new("steps").join(step.id.to_string()))?;
        step::clean(root, step.id, before);
        Ok(())
    }

    fn progress(&mut self, rollout: Option<&Rollout>) -> Result<(), Error> {
        let Some(mut head) = self.directory.head()? else { return Ok(()) };
        head.rollout = rollout.cloned();
        self.directory.record().write_head(&head)
    }
}
