# Writes OUTPUT: a C++ file with every file below EXAMPLES. Run by the build whenever an example changes. Texts stand in it as
# they are; recordings of APIs are megabytes of JSON, so they are compressed (to a tenth) and taken in by the assembler.
file(GLOB_RECURSE files RELATIVE ${EXAMPLES} ${EXAMPLES}/*.yml ${EXAMPLES}/*.sql ${EXAMPLES}/*.md ${EXAMPLES}/*/recordings/*)
list(SORT files)
cmake_path(GET OUTPUT PARENT_PATH folder)
set(entries "")
set(arrays "")
set(number 0)
foreach(file ${files})
  if(file MATCHES "^[^/]+/(files|\\.weir)/" OR NOT file MATCHES "/")
    continue()
  endif()
  # Not by REGEX REPLACE, which before CMake 4.1 tries "^" again after every match and takes all folders away (CMP0186).
  string(FIND ${file} "/" slash)
  string(SUBSTRING ${file} 0 ${slash} example)
  math(EXPR slash "${slash} + 1")
  string(SUBSTRING ${file} ${slash} -1 path)
  if(path MATCHES "^recordings/")
    set(packed ${folder}/examples/${file}.zst)
    cmake_path(GET packed PARENT_PATH packed_folder)
    file(MAKE_DIRECTORY ${packed_folder})
    file(ARCHIVE_CREATE OUTPUT ${packed} PATHS ${EXAMPLES}/${file} FORMAT raw COMPRESSION Zstd COMPRESSION_LEVEL 9)
    file(SIZE ${packed} packed_bytes)
    file(SIZE ${EXAMPLES}/${file} bytes)
    set(name weir_example_${number})
    math(EXPR number "${number} + 1")
    string(APPEND arrays "__asm__(\".section .rodata\\n.global ${name}\\n${name}:\\n.incbin \\\"${packed}\\\"\\n.previous\");\n"
                         "extern \"C\" const char ${name}[${packed_bytes}];\n")
    string(APPEND entries "    {\"${example}\", \"${path}\", {${name}, ${packed_bytes}}, ${bytes}},\n")
  else()
    file(READ ${EXAMPLES}/${file} text)
    string(APPEND entries "    {\"${example}\", \"${path}\", R\"example~(${text})example~\", 0},\n")
  endif()
endforeach()
file(WRITE ${OUTPUT} "#include \"app/examples.hpp\"

${arrays}
namespace weir::app {
namespace {

constexpr ExampleFile kFiles[] = {
${entries}};

}  // namespace

std::span<const ExampleFile> example_files() { return kFiles; }

}  // namespace weir::app
")
