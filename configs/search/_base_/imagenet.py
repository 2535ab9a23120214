# ImageNet as a proxy: the training images as an image folder, decoded by workers.
task = 'search'
expected = {'images': 1_281_167, 'classes': 1000}
proxy = dict(
    root='{{$WILDNAS_DATA:data}}/imagenet/train',
    image_size=224,  # PC-DARTS 4.1, 4.3
    memory=False,
    # The papers are silent on augmentation in the search. PC-DARTS' code has random resized crop and flip, without
    # colour jitter. Mean and deviation are the usual ones.
    decoding=dict(colour_jitter=None),
    augmentation=dict(crop_padding=0, flip=True, cutout=0),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
