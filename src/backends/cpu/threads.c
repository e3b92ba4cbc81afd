/* Work on the device's threads, with OpenMP or without. Called by every solver. */
#include "cpu.h"
#ifdef _OPENMP
#include <omp.h>
#endif

void hb_cpu_parallel(const hb_device *device, int64_t count, double ns, hb_cpu_task *task,
                     void *context) {
    if (count <= 0) return;
#ifdef _OPENMP
    const int64_t wanted = device->threads < count ? device->threads : count;
    if (wanted > 1 && ns > HB_CPU_PARALLEL_NS) {
#pragma omp parallel num_threads((int)wanted)
        {
            /* The runtime may give fewer threads than were asked for. */
            const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
            const int64_t each = count / threads, more = count % threads;
            const int64_t begin = thread * each + (thread < more ? thread : more);
            const int64_t end = begin + each + (thread < more);
            if (begin < end) task(context, begin, end, (int)thread);
        }
        return;
    }
#endif
    task(context, 0, count, 0);
}
