# How PC-DARTS chooses the best of five searches (Table 1, footnote ‡): train on 45,000 images, choose by the error on
# the other 5,000, report the test error of the one that is chosen. `wildnas evaluate A B C … --on` this names it.
_base_ = 'cifar10.py'

expected = dict(
    _delete_=True,
    **{'train images': 45_000, 'validation images': 5_000, 'test images': 10_000, 'classes': 10},
)
# 500 of every class; the paper does not say how it draws them.
images = dict(validation=5_000)
