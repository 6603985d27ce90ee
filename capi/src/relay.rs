//! Work on other threads that asks the calling thread for what only that may do: run callbacks, touch buffers.
#![forbid(unsafe_code)]

use crate::status::Failure;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use wavern::Error;

/// Where work puts its questions.
pub(crate) struct Questions<Q>(SyncSender<Q>);

impl<Q> Questions<Q> {
    /// Asks, if anybody still listens.
    pub fn ask(&self, question: Q) -> Result<(), Error> {
        self.0.send(question).map_err(|_| Error::Rows("nobody listens any more".into()))
    }
}

/// Runs `work` on a thread of its own, and `answer` here for each of its questions, in order; at most one waits. After
/// the first answer that fails there are no more, and that failure is the result.
pub(crate) fn serve<Q: Send, T: Send>(
    work: impl FnOnce(Questions<Q>) -> Result<T, Error> + Send,
    mut answer: impl FnMut(Q) -> Result<(), Failure>,
) -> Result<T, Failure> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let builder = thread::Builder::new().name("wavern".into());
        let worker = builder.spawn_scoped(scope, move || work(Questions(sender)));
        let worker =
            worker.map_err(|error| Failure::system(format!("no thread could be started: {error}")))?;
        let mut failure = None;
        // The receiver ends with the loop, so that whoever asks after that learns it.
        for question in receiver {
            if let Err(error) = answer(question) {
                failure = Some(error);
                break;
            }
        }
        let result = worker.join().map_err(|panic| Failure::panic(&*panic))?;
        match failure {
            Some(failure) => Err(failure),
            None => Ok(result?),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(questions: Questions<u32>) -> Result<u32, Error> {
        (0..10).try_for_each(|number| questions.ask(number))?;
        Ok(10)
    }

    #[test]
    fn questions_are_answered_here_and_in_order() {
        let (mut heard, here) = (Vec::new(), thread::current().id());
        let result = serve(count, |number| {
            assert_eq!(thread::current().id(), here);
            heard.push(number);
            Ok(())
        });
        assert_eq!((result.unwrap(), heard), (10, (0..10).collect()));
    }

    #[test]
    fn a_failed_answer_ends_the_work() {
        let mut heard = 0;
        let result = serve(count, |number| {
            heard += 1;
            if number == 3 { Err(Failure::stopped("rows", 9)) } else { Ok(()) }
        });
        assert_eq!((result.unwrap_err().text, heard), ("rows: stopped, it returned 9".into(), 4));
    }

    #[test]
    fn a_panic_of_the_work_is_a_failure() {
        let result = serve(|_: Questions<()>| -> Result<(), Error> { panic!("broken") }, |()| Ok(()));
        assert_eq!(result.unwrap_err().text, "panic: broken");
    }
}
