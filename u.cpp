#include <hebb/hebb.h>
int main(){return hebb_device_count()>0?0:1;}
