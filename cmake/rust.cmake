# The Rust crate of src/sql/rust becomes the static library target weir_rust. Cargo builds it from its locked dependencies
# into a folder that all presets share, since it is the same for each; cargo itself locks the folder.
find_program(WEIR_CARGO cargo HINTS $ENV{HOME}/.cargo/bin $ENV{CARGO_HOME}/bin REQUIRED)

set(WEIR_RUST_CRATE ${PROJECT_SOURCE_DIR}/src/sql/rust)
set(WEIR_RUST_CACHE ${PROJECT_SOURCE_DIR}/build/rust CACHE PATH "Where cargo builds")
set(WEIR_RUST_LIBRARY ${PROJECT_BINARY_DIR}/libweir_rust.a)
file(GLOB WEIR_RUST_SOURCES CONFIGURE_DEPENDS ${WEIR_RUST_CRATE}/src/*.rs)

add_custom_command(
  OUTPUT ${WEIR_RUST_LIBRARY}
  COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${WEIR_RUST_CACHE}
          ${WEIR_CARGO} build --release --locked --quiet --manifest-path ${WEIR_RUST_CRATE}/Cargo.toml
  COMMAND ${CMAKE_COMMAND} -E copy ${WEIR_RUST_CACHE}/release/libweir_rust.a ${WEIR_RUST_LIBRARY}
  DEPENDS ${WEIR_RUST_SOURCES} ${WEIR_RUST_CRATE}/Cargo.toml ${WEIR_RUST_CRATE}/Cargo.lock
  COMMENT "Building the Rust library"
  VERBATIM)
add_custom_target(weir_rust_build DEPENDS ${WEIR_RUST_LIBRARY})

add_library(weir_rust STATIC IMPORTED GLOBAL)
set_target_properties(weir_rust PROPERTIES IMPORTED_LOCATION ${WEIR_RUST_LIBRARY})
add_dependencies(weir_rust weir_rust_build)
