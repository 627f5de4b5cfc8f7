//! `Entry` and the tree digest.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lamella_core::entry::{Entry as CoreEntry, Kind, MODE_MASK};
use lamella_core::error::quoted;
use lamella_core::tree;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::digest::RawDigest;
use crate::error::detached;

/// An entry of the core as it is; what Python asks for is converted when it asks.
#[pyclass(frozen, eq, hash, module = "lamella._core")]
#[derive(PartialEq, Eq, Hash)]
pub struct Entry(pub CoreEntry);

#[pymethods]
impl Entry {
    #[new]
    #[pyo3(signature = (
        path, kind, *, mode = 0o755, uid = 0, gid = 0, size = 0, link_target = None, xattrs = BTreeMap::new(),
        digest = None, source = None, offset = 0, device = None
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments, one for each field"
    )]
    fn new(
        path: OsString,
        kind: &str,
        mode: u32,
        uid: u32,
        gid: u32,
        size: u64,
        link_target: Option<OsString>,
        xattrs: BTreeMap<OsString, Vec<u8>>,
        digest: Option<RawDigest>,
        source: Option<PathBuf>,
        offset: u64,
        device: Option<(u32, u32)>,
    ) -> PyResult<Self> {
        let kind = Kind::from_name(kind)
            .ok_or_else(|| PyValueError::new_err(format!("no kind of entry: {kind:?}")))?;
        if link_target.is_some() != matches!(kind, Kind::Symlink | Kind::Hardlink) {
            return Err(PyValueError::new_err(format!(
                "{}: a link has a target, and nothing else has",
                quoted(path.as_bytes())
            )));
        }
        Ok(Self(CoreEntry {
            path: path.into_vec(),
            kind,
            mode: permission_bits(mode)?,
            uid,
            gid,
            size,
            link_target: link_target.map(OsString::into_vec),
            xattrs: xattrs
                .into_iter()
                .map(|(name, value)| (name.into_vec(), value))
                .collect(),
            digest: digest.map(Into::into),
            source: source.map(Arc::from),
            offset,
            device,
        }))
    }

    #[getter]
    fn path(&self) -> &OsStr {
        OsStr::from_bytes(&self.0.path)
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    #[getter]
    fn mode(&self) -> u32 {
        self.0.mode
    }

    #[getter]
    fn uid(&self) -> u32 {
        self.0.uid
    }

    #[getter]
    fn gid(&self) -> u32 {
        self.0.gid
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    #[getter]
    fn link_target(&self) -> Option<&OsStr> {
        self.0.link_target.as_deref().map(OsStr::from_bytes)
    }

    #[getter]
    fn xattrs(&self) -> BTreeMap<&OsStr, &[u8]> {
        self.0
            .xattrs
            .iter()
            .map(|(name, value)| (OsStr::from_bytes(name), value.as_slice()))
            .collect()
    }

    #[getter]
    fn digest(&self) -> Option<RawDigest> {
        self.0.digest.map(Into::into)
    }

    #[getter]
    fn source(&self) -> Option<&OsStr> {
        self.0.source.as_deref().map(Path::as_os_str)
    }

    #[getter]
    fn offset(&self) -> u64 {
        self.0.offset
    }

    #[getter]
    fn device(&self) -> Option<(u32, u32)> {
        self.0.device
    }

    #[pyo3(signature = (*, path = None, mode = None, uid = None, gid = None))]
    fn replace(
        &self,
        path: Option<OsString>,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> PyResult<Self> {
        let mut entry = self.0.clone();
        if let Some(path) = path {
            entry.path = path.into_vec();
        }
        if let Some(mode) = mode {
            entry.mode = permission_bits(mode)?;
        }
        entry.uid = uid.unwrap_or(entry.uid);
        entry.gid = gid.unwrap_or(entry.gid);
        Ok(Self(entry))
    }

    fn __repr__(&self) -> String {
        let entry = &self.0;
        let mut fields = vec![
            quoted(&entry.path),
            format!("{:?}", entry.kind.name()),
            format!(
                "mode=0o{:o}, uid={}, gid={}, size={}",
                entry.mode, entry.uid, entry.gid, entry.size
            ),
        ];
        fields.extend(
            entry
                .link_target
                .as_deref()
                .map(|target| format!("link_target={}", quoted(target))),
        );
        fields.extend(entry.digest.map(|digest| format!("digest={digest}")));
        fields.extend(entry.device.map(|device| format!("device={device:?}")));
        format!("Entry({})", fields.join(", "))
    }
}

impl Entry {
    /// An object that the garbage collector does not look at: it refers to no others, and there may be millions.
    pub fn untracked(self, py: Python<'_>) -> PyResult<Py<Self>> {
        let entry = Py::new(py, self)?;
        // SAFETY: the object is of a type that the collector tracks, and the GIL is held.
        unsafe { ffi::PyObject_GC_UnTrack(entry.as_ptr().cast()) };
        Ok(entry)
    }
}

fn permission_bits(mode: u32) -> PyResult<u32> {
    if mode & !MODE_MASK == 0 {
        Ok(mode)
    } else {
        Err(PyValueError::new_err(format!(
            "mode 0o{mode:o} has more than permission bits"
        )))
    }
}

#[pyfunction]
fn tree_digest(py: Python<'_>, entries: Vec<Py<Entry>>) -> PyResult<RawDigest> {
    detached(py, || {
        tree::tree_digest(entries.iter().map(|entry| &entry.get().0))
    })
    .map(Into::into)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Entry>()?;
    module.add_function(wrap_pyfunction!(tree_digest, module)?)
}
