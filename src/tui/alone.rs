//! A thread that the screen has to itself.
//!
//! An idle screen wakes up once a second, for the clock it shows. With the timers of the runtime that
//! would be five: one thread sleeps in them and another draws, and each second they wake each other.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Tells a thread each second that one passed, as long as that is asked for.
pub(super) struct Seconds {
    due: Cell<Instant>,
    // Whether anybody waits for it.
    awaited: Cell<bool>,
}

impl Seconds {
    /// A second passed; of several while nobody asked, one.
    pub(super) async fn passed(&self) {
        poll_fn(|_| {
            let now = Instant::now();
            if now < self.due.get() {
                self.awaited.set(true);
                return Poll::Pending;
            }
            let next = self.due.get() + SECOND;
            self.due.set(if next > now { next } else { now + SECOND });
            Poll::Ready(())
        })
        .await;
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs this on the current thread to its end.
pub(super) fn alone<F: Future>(work: impl FnOnce(Rc<Seconds>) -> F) -> F::Output {
    let seconds = Rc::new(Seconds {
        due: Cell::new(Instant::now() + SECOND),
        awaited: Cell::new(false),
    });
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work(Rc::clone(&seconds)));
    loop {
        seconds.awaited.set(false);
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        if seconds.awaited.get() {
            thread::park_timeout(seconds.due.get().saturating_duration_since(Instant::now()));
        } else {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_pass_and_others_wake_it() {
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        let other = thread::spawn(move || tell.blocking_send(7));
        let heard = alone(async |seconds: Rc<Seconds>| {
            let started = Instant::now();
            // Nobody asks for seconds here: it sleeps until it is woken.
            let heard = told.recv().await;
            for _ in 0..2 {
                seconds.passed().await;
            }
            // The first may have passed while nobody asked.
            assert!(started.elapsed() >= SECOND);
            heard
        });
        assert_eq!(heard, Some(7));
        other.join().expect("joined").expect("sent");
    }
}
