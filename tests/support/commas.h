/* A country of decimal commas. */
#ifndef SUPPORT_COMMAS_H
#define SUPPORT_COMMAS_H

#include <stdbool.h>

/* From here on the process prints and reads 0,5. False where there is no such locale, nor what
   makes one (Debian: the package locales): then the test tests less. */
bool use_commas(void);

#endif
