#pragma once

namespace weir::data {

// For processes whose work is batches, once and before there are threads: what a batch frees stays here for the next one, up to
// 64 MB. Getting pages from the system again and again is a tenth of the time that it takes to convert a batch.
void keep_freed_memory();

}  // namespace weir::data
