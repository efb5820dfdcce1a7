//! The C ABI. Every pointer that comes in is valid for the call, and texts are checked to be UTF-8.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::engine::{check_syntax, free_names, plain, Engine, Mistake};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    size: usize,
}

impl Text {
    /// Safety: data points to size bytes that live as long as the result is used.
    unsafe fn get<'a>(self) -> Result<&'a str, Mistake> {
        if self.size == 0 {
            return Ok("");
        }
        let bytes = std::slice::from_raw_parts(self.data, self.size);
        std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let mut mistake = plain("not valid UTF-8".to_string());
            mistake.line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            mistake.column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            mistake
        })
    }
}

/// Text that this library allocated.
#[repr(C)]
pub struct OwnedText {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

impl From<String> for OwnedText {
    fn from(text: String) -> OwnedText {
        let mut bytes = std::mem::ManuallyDrop::new(text.into_bytes());
        OwnedText { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

pub const STATUS_OK: i32 = 0;
pub const STATUS_MISTAKE: i32 = 1;
pub const STATUS_FUNCTION: i32 = 2;
pub const STATUS_PANIC: i32 = 3;

#[repr(C)]
pub struct Outcome {
    text: OwnedText,
    file: OwnedText,
    line: usize,
    column: usize,
    status: i32,
}

fn outcome(run: impl FnOnce() -> Result<String, Mistake>) -> Outcome {
    let result = catch_unwind(AssertUnwindSafe(run));
    let (status, mistake) = match result {
        Ok(Ok(text)) => (STATUS_OK, Mistake { message: text, ..plain(String::new()) }),
        Ok(Err(mistake)) if mistake.from_function => (STATUS_FUNCTION, mistake),
        Ok(Err(mistake)) => (STATUS_MISTAKE, mistake),
        Err(_) => (STATUS_PANIC, plain("the template library stopped".to_string())),
    };
    Outcome {
        text: mistake.message.into(),
        file: mistake.file.into(),
        line: mistake.line,
        column: mistake.column,
        status,
    }
}

/// A function of the caller's: answers by weir_reply, once.
type Callback = unsafe extern "C" fn(context: *mut c_void, arguments: Text, keywords: Text, reply: *mut Reply);

pub struct Reply {
    answer: Result<String, String>,
}

/// The caller's side of a function. The caller keeps it valid while the engine lives and uses the engine on one thread.
struct Function {
    callback: Callback,
    context: *mut c_void,
}

unsafe impl Send for Function {}
unsafe impl Sync for Function {}

impl Function {
    fn call(&self, arguments: &str, keywords: &str) -> Result<String, String> {
        let mut reply = Reply { answer: Err("no answer".to_string()) };
        let arguments = Text { data: arguments.as_ptr(), size: arguments.len() };
        let keywords = Text { data: keywords.as_ptr(), size: keywords.len() };
        unsafe { (self.callback)(self.context, arguments, keywords, &mut reply) };
        reply.answer
    }
}

#[no_mangle]
pub unsafe extern "C" fn weir_reply(reply: *mut Reply, succeeded: bool, text: Text) {
    let text = match text.get() {
        Ok(text) => text.to_string(),
        Err(mistake) => mistake.message,
    };
    (*reply).answer = if succeeded { Ok(text) } else { Err(text) };
}

#[no_mangle]
pub extern "C" fn weir_template_new() -> *mut Engine {
    Box::into_raw(Box::new(Engine::new()))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_free(engine: *mut Engine) {
    drop(Box::from_raw(engine));
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_add_function(
    engine: *mut Engine,
    name: Text,
    callback: Callback,
    context: *mut c_void,
) {
    let Ok(name) = name.get() else { return };
    let function = Function { callback, context };
    (*engine).add_function(name.to_string(), move |arguments, keywords| function.call(arguments, keywords));
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_add_variable(engine: *mut Engine, name: Text, json: Text) -> Outcome {
    outcome(|| (*engine).add_variable(name.get()?.to_string(), json.get()?).map(|()| String::new()))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_add_macros(engine: *mut Engine, file: Text, text: Text) -> Outcome {
    outcome(|| (*engine).add_macros(file.get()?, text.get()?).map(|()| String::new()))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_render(engine: *const Engine, text: Text, variables: Text) -> Outcome {
    outcome(|| (*engine).render(text.get()?, variables.get()?))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_evaluate(engine: *const Engine, text: Text, variables: Text) -> Outcome {
    outcome(|| (*engine).evaluate(text.get()?, variables.get()?))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_check(text: Text) -> Outcome {
    outcome(|| check_syntax(text.get()?).map(|()| String::new()))
}

#[no_mangle]
pub unsafe extern "C" fn weir_template_free_names(text: Text) -> Outcome {
    outcome(|| Ok(free_names(text.get()?)))
}

#[no_mangle]
pub unsafe extern "C" fn weir_outcome_free(outcome: Outcome) {
    for text in [outcome.text, outcome.file] {
        drop(Vec::from_raw_parts(text.data, text.size, text.capacity));
    }
}
