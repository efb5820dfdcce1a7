# Writes OUTPUT: a C++ file with every file below EXAMPLES as text. Run by the build whenever an example changes.
file(GLOB_RECURSE files RELATIVE ${EXAMPLES} ${EXAMPLES}/*.yml ${EXAMPLES}/*.sql ${EXAMPLES}/*.md)
list(SORT files)
set(entries "")
foreach(file ${files})
  if(file MATCHES "/(files|\\.weir)/")
    continue()
  endif()
  file(READ ${EXAMPLES}/${file} text)
  # Not by REGEX REPLACE, which before CMake 4.1 tries "^" again after every match and takes all folders away (CMP0186).
  string(FIND ${file} "/" slash)
  string(SUBSTRING ${file} 0 ${slash} example)
  math(EXPR slash "${slash} + 1")
  string(SUBSTRING ${file} ${slash} -1 path)
  string(APPEND entries "    {\"${example}\", \"${path}\", R\"example~(${text})example~\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"app/examples.hpp\"

#include <array>

namespace weir::app {
namespace {

constexpr ExampleFile kFiles[] = {
${entries}};

}  // namespace

std::span<const ExampleFile> example_files() { return kFiles; }

}  // namespace weir::app
")
