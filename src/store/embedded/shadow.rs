//! A database file that is only looked at: what a database writes to it stays in memory.
//!
//! Opening a database after a crash writes to its file. To find out whether a file is whole, and
//! whether its form is one of ours, nothing may be written to it.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that are kept together.
const PAGE: u64 = 4096;

/// A file with writes laid over it.
#[derive(Debug)]
pub(super) struct Shadow {
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// What of the file itself still counts: its length at first, less once it was cut.
    below: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Shadow {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let state = State { length, below: length, pages: BTreeMap::new() };
        Ok(Self { file, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One page as it is now.
    fn page(&self, state: &State, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = state.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE as usize];
        let start = number * PAGE;
        if start < state.below {
            let length = (state.below - start).min(PAGE) as usize;
            self.file.read_exact_at(&mut page[..length], start)?;
        }
        Ok(page)
    }
}

/// The pages that a range covers: their numbers, the range in the page, and that in the buffer.
fn covered(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= length {
            return None;
        }
        let at = offset + done as u64;
        let start = (at % PAGE) as usize;
        let take = (PAGE as usize - start).min(length - done);
        done += take;
        Some((at / PAGE, start, take, done - take))
    })
}

impl StorageBackend for Shadow {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > state.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, start, take, at) in covered(offset, out.len()) {
            let page = self.page(&state, number)?;
            out[at..at + take].copy_from_slice(&page[start..start + take]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        if length < state.length {
            state.below = state.below.min(length);
            state.pages.retain(|number, _| number * PAGE < length);
            let (number, used) = (length / PAGE, (length % PAGE) as usize);
            if let Some(page) = state.pages.get_mut(&number) {
                page[used..].fill(0);
            }
        }
        state.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        for (number, start, take, at) in covered(offset, data.len()) {
            let mut page = self.page(&state, number)?;
            page[start..start + take].copy_from_slice(&data[at..at + take]);
            state.pages.insert(number, page);
        }
        Ok(())
    }
}
