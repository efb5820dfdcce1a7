# Writes OUTPUT: a C++ file with every file below DIST (ui/dist, what `npm run build` makes), gzipped and taken in by the
# assembler. Run by the build whenever that folder changes; an absent folder gives an empty list.
file(GLOB_RECURSE files RELATIVE ${DIST} ${DIST}/*)
list(SORT files)
cmake_path(GET OUTPUT PARENT_PATH folder)
set(entries "")
set(arrays "")
set(number 0)
foreach(file ${files})
  # Source maps are for who builds the UI.
  if(file MATCHES "\\.map$")
    continue()
  endif()
  set(packed ${folder}/ui/${file}.gz)
  cmake_path(GET packed PARENT_PATH packed_folder)
  file(MAKE_DIRECTORY ${packed_folder})
  file(ARCHIVE_CREATE OUTPUT ${packed} PATHS ${DIST}/${file} FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
  file(SIZE ${packed} bytes)
  file(SHA256 ${DIST}/${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  set(name weir_ui_${number})
  math(EXPR number "${number} + 1")
  string(APPEND arrays "__asm__(\".section .rodata\\n.global ${name}\\n${name}:\\n.incbin \\\"${packed}\\\"\\n.previous\");\n"
                       "extern \"C\" const char ${name}[${bytes}];\n")
  string(APPEND entries "    {\"${file}\", {${name}, ${bytes}}, \"${hash}\"},\n")
endforeach()
if(number EQUAL 0)
  set(list "std::span<const Asset> assets() { return {}; }")
else()
  set(list "namespace {

constexpr Asset kAssets[] = {
${entries}};

}  // namespace

std::span<const Asset> assets() { return kAssets; }")
endif()
file(WRITE ${OUTPUT} "#include \"web/assets.hpp\"

${arrays}
namespace weir::web {

${list}

}  // namespace weir::web
")
