//! `BuildContext`, `match_patterns` and `match_wildcards`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use lamella_core::context::{Context, ContextError};
use lamella_core::copy_source::SourceError;
use lamella_core::glob::{DoubleStar, Glob};
use lamella_core::pattern::{PatternError as CorePatternError, Patterns};
use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::entry::Entry;
use crate::error::{PatternError, ToPython, detached};

#[pyclass(frozen, module = "lamella._core")]
struct BuildContext(Context);

#[pymethods]
impl BuildContext {
    #[new]
    #[pyo3(signature = (root, ignore = Vec::new(), threads = 0), text_signature = "(root, ignore=(), threads=0)")]
    fn new(py: Python<'_>, root: PathBuf, ignore: Vec<OsString>, threads: usize) -> PyResult<Self> {
        detached(py, || Context::new(&root, &bytes(ignore), threads)).map(Self)
    }

    fn __len__(&self) -> usize {
        // The folder itself is none of its entries.
        self.0.nodes().len() - 1
    }

    #[getter]
    fn total_size(&self) -> u64 {
        self.0.nodes().iter().map(|node| node.size).sum()
    }

    #[pyo3(signature = (source, exclude = Vec::new()), text_signature = "($self, source, exclude=())")]
    fn copy_source(
        &self,
        py: Python<'_>,
        source: OsString,
        exclude: Vec<OsString>,
    ) -> PyResult<Vec<Entry>> {
        let entries = detached(py, || {
            self.0.copy_source(source.as_bytes(), &bytes(exclude))
        })?;
        Ok(entries.into_iter().map(Entry).collect())
    }

    fn matches(&self, py: Python<'_>, source: OsString) -> PyResult<Vec<OsString>> {
        let paths = detached(py, || self.0.matches(source.as_bytes()))?;
        Ok(paths.into_iter().map(OsString::from_vec).collect())
    }
}

fn bytes(strings: Vec<OsString>) -> Vec<Vec<u8>> {
    strings.into_iter().map(OsString::into_vec).collect()
}

impl ToPython for CorePatternError {
    fn to_python(self, _py: Python<'_>) -> PyErr {
        PatternError::new_err(self.to_string())
    }
}

impl ToPython for ContextError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        let message = self.to_string();
        match self {
            Self::Pattern(error) => error.to_python(py),
            Self::File(error) => error.to_python(py),
            Self::Source {
                error: SourceError::NotFound(_),
                ..
            } => PyFileNotFoundError::new_err(message),
            Self::Source {
                error: SourceError::TooManyLinks(_),
                ..
            } => PyOSError::new_err(message),
            Self::Source { .. } => PyValueError::new_err(message),
        }
    }
}

#[pyfunction]
#[pyo3(signature = (patterns, paths, *, lines = true))]
fn match_patterns(
    py: Python<'_>,
    patterns: Vec<OsString>,
    paths: Vec<OsString>,
    lines: bool,
) -> PyResult<Vec<bool>> {
    detached(py, || {
        let patterns = bytes(patterns);
        let patterns = if lines {
            Patterns::from_lines(&patterns)?
        } else {
            Patterns::from_arguments(&patterns)?
        };
        Ok::<_, CorePatternError>(
            paths
                .iter()
                .map(|path| patterns.leave_out(path.as_bytes()))
                .collect(),
        )
    })
}

#[pyfunction]
fn match_wildcards(py: Python<'_>, pattern: OsString, names: Vec<OsString>) -> PyResult<Vec<bool>> {
    let pattern = pattern.into_vec();
    detached(py, || match Glob::parse(&pattern, DoubleStar::Star) {
        Ok(glob) => Ok(names
            .iter()
            .map(|name| glob.matches(name.as_bytes()))
            .collect()),
        Err(reason) => Err(CorePatternError {
            line: None,
            pattern: pattern.clone(),
            reason,
        }),
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<BuildContext>()?;
    module.add_function(wrap_pyfunction!(match_patterns, module)?)?;
    module.add_function(wrap_pyfunction!(match_wildcards, module)?)
}
