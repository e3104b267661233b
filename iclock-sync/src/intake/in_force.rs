//! The rules in force.

use std::sync::{Arc, PoisonError, RwLock};

use attendance_model::{AttendanceEvent, Context, RawPunch, Reason, Rejection, Rules, normalize};

use crate::{Hooks, Verdict};

/// The rules that are in force now, for all who judge by them.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    rules: Arc<RwLock<Arc<Rules>>>,
    /// Decides about what the rules let pass.
    hooks: Option<Arc<dyn Hooks>>,
}

impl InForce {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules: Arc::new(RwLock::new(Arc::new(rules))), hooks: None }
    }

    /// The same with the hooks of the program that embeds the engine.
    pub(super) fn with_hooks(self, hooks: Option<Arc<dyn Hooks>>) -> Self {
        Self { hooks, ..self }
    }

    /// Makes an event of a punch, unless a rule or the program is against it.
    #[expect(clippy::result_large_err)] // As `normalize` itself.
    pub(super) fn judge(&self, punch: RawPunch, context: &Context<'_>) -> Result<AttendanceEvent, Rejection> {
        judge(punch, context, self.hooks.as_deref())
    }

    pub(super) fn now(&self) -> Arc<Rules> {
        // Nothing can panic while the lock is held.
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// Makes an event of a punch, unless a rule or the program is against it.
#[expect(clippy::result_large_err)] // As `normalize` itself.
pub(super) fn judge(
    punch: RawPunch,
    context: &Context<'_>,
    hooks: Option<&dyn Hooks>,
) -> Result<AttendanceEvent, Rejection> {
    let Some(hooks) = hooks else { return normalize(punch, context) };
    let read = punch.clone();
    let event = normalize(punch, context)?;
    match hooks.before_store(&event) {
        Verdict::Store => Ok(event),
        Verdict::Hold => Err(Rejection { reason: Reason::HeldByProgram, punch: read }),
    }
}
